// Structured events: their fields, their level, and that they are written before the process ends.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EventLog } from '../../../src/observe/events.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const EVENTS = fileURLToPath(new URL('../../../src/observe/events.ts', import.meta.url));

function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('events', () => {
  it('say who speaks, when, how seriously, and what happened', async (context) => {
    const file = createTempDir(context).file('events.log');
    const log = new EventLog({ level: 'info', role: 'worker', worker: 3, file });
    log.events.warn({ peer: 'app/a', detail: 'gr\xfc\xdfe\n' }, 'peer failed');
    await log.close();
    const [line] = linesOf(file);
    const { time, ...rest } = line ?? {};
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      level: 'warn',
      role: 'worker',
      pid: process.pid,
      worker: 3,
      peer: 'app/a',
      detail: 'gr\xfc\xdfe\n',
      msg: 'peer failed',
    });
  });

  it('keep to the level, which can change', async (context) => {
    const file = createTempDir(context).file('events.log');
    const log = new EventLog({ level: 'warn', role: 'primary', worker: null, file });
    log.events.info({}, 'not this');
    log.setLevel('debug');
    log.events.debug({}, 'but this');
    log.setLevel('silent');
    log.events.error({}, 'nor this');
    await log.close();
    assert.deepEqual(
      linesOf(file).map(({ msg }) => msg),
      ['but this'],
    );
  });

  it('are written when the process exits at once', async () => {
    const script = `
      import { EventLog } from ${JSON.stringify(EVENTS)};
      const { events } = new EventLog({ level: 'info', role: 'primary', worker: null });
      for (let at = 0; at < 50; at += 1) events.info({ at }, 'last words');
      process.exit(3);`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    const failed = await run.then(
      () => assert.fail('exit code 0'),
      (error: { code: number; stderr: string }) => error,
    );
    assert.equal(failed.code, 3);
    const lines = failed.stderr.split('\n').slice(0, -1);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { at: number }).at),
      Array.from({ length: 50 }, (_, at) => at),
    );
  });
});
