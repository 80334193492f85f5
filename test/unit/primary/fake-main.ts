// A process tree without a proxy in it: the real primary over children that only speak its protocol.
// `node fake-main.ts CONFIG.json`; a child prints what happens to it as `child NAME WORD PID`.

import { readFileSync } from 'node:fs';
import { parsePrimaryMessage } from '../../../src/channel/control.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Events } from '../../../src/core/events.ts';
import { runPrimary } from '../../../src/primary/primary.ts';

const role = process.env['SLUICE_ROLE'];
if (role === undefined) await beThePrimary(process.argv[2] ?? '');
else beAChild(role === 'worker' ? `worker${process.env['SLUICE_WORKER']}` : 'sidecar');

async function beThePrimary(path: string): Promise<void> {
  const load = async () => parseConfig(JSON.parse(readFileSync(path, 'utf8')));
  const print: Events['info'] = (fields, message) => {
    process.stdout.write(`${JSON.stringify({ message, ...fields })}\n`);
  };
  process.exitCode = await runPrimary({
    config: await load(),
    load,
    configPath: path,
    label: path,
    events: { debug: print, info: print, warn: print, error: print },
    entry: process.argv[1] ?? '',
  });
  process.exit();
}

function beAChild(name: string): void {
  const say = (word: string) => process.stdout.write(`child ${name} ${word} ${process.pid}\n`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  process.on('disconnect', () => process.exit(0));
  let isReady = false;
  process.on('message', (raw) => {
    const message = parsePrimaryMessage(raw);
    if (message?.type === 'configure') send({ type: 'configured', version: message.version });
    if (message?.type === 'ping') send({ type: 'pong', id: message.id });
    if (message?.type === 'activate') {
      say(`live${message.version}`);
      send({ type: 'activated', version: message.version });
      if (!isReady) send({ type: 'ready', slot: null, ports: [] });
      isReady = true;
    }
    if (message?.type === 'drain') {
      say('draining');
      const busyMs = Number(process.env['FAKE_BUSY_MS'] ?? 0);
      setTimeout(() => process.send?.({ type: 'drained' }, () => process.exit(0)), busyMs);
    }
  });
  if (process.env['FAKE_FATAL'] === name) send({ type: 'fatal', message: 'no such luck' });
  send({ type: 'started', pid: process.pid });
}

function send(message: object): void {
  process.send?.(message);
}
