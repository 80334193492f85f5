// `sluice demo` as a newcomer meets it: the curl lines it prints are run as printed, then Ctrl-C.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { DEADLINE_MS, until, withDeadline } from '../support/deadline.ts';
import { requireCommand } from '../support/debian.ts';
import { childrenOf, isAlive, killTree } from '../support/process-tree.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

async function startDemo(context: TestContext) {
  const child = spawn(process.execPath, [main, 'demo'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = child.pid ?? -1;
  let output = '';
  let code: number | null | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.once('close', (exitCode) => {
    code = exitCode;
  });
  context.after(() => killTree(pid));
  const evidence = () => output;
  const ready = { what: 'the demo is ready', deadlineMs: 2 * DEADLINE_MS, evidence };
  await until(() => output.includes('Ctrl-C stops'), ready);
  return {
    pid,
    output: () => output,
    curlLines: () => [...output.matchAll(/^ {2}(curl .+)$/gm)].map((match) => match[1] ?? ''),
    async interrupt() {
      child.kill('SIGINT');
      await until(() => code !== undefined, { what: 'the demo ends', evidence });
      return code;
    },
  };
}

/** Runs a shell line until its output passes `isEnough`, then stops it; returns the output. */
async function runLine(line: string, isEnough: (text: string) => boolean): Promise<string> {
  const child = spawn('sh', ['-c', `exec ${line} -sS`], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    errors += part;
  });
  const evidence = () => `${text}\n${errors}`;
  await until(() => isEnough(text), { what: `enough from ${line}`, evidence });
  child.kill('SIGTERM');
  return text;
}

it('prints three curl lines that work, and stops cleanly on Ctrl-C', async (context) => {
  requireCommand('curl');
  const demo = await startDemo(context);
  const [page, events, slow, ...more] = demo.curlLines();
  assert.deepEqual(more, []);
  assert.ok(page && events && slow, demo.output());

  const names = new Set<string>();
  for (let turn = 0; turn < 8 && names.size < 2; turn += 1) {
    const facts = JSON.parse(await runLine(page, (text) => text.endsWith('}\n')));
    names.add(facts.backend);
    assert.equal(facts.headers['x-forwarded-for'], '127.0.0.1');
  }
  assert.deepEqual([...names].sort(), ['apple', 'pear']);

  const clock = await runLine(events, (text) => text.split('\n\n').length > 2);
  assert.match(clock, /^(data: (apple|pear) \d{4}-\d\d-\d\dT[\d:.]+Z\n\n){2}/);

  const late = await runLine(slow, (text) => text.endsWith(' s\n'));
  assert.match(late, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(late, /(apple|pear) took 2 s\n$/);

  const processes = childrenOf(demo.pid);
  assert.equal(processes.length, 3);
  assert.equal(await demo.interrupt(), 0);
  assert.match(demo.output(), /All stopped\.\n/);
  await until(() => !processes.some(isAlive), { what: 'all processes are gone' });
});

it('echoes a WebSocket and runs beside another demo', async (context) => {
  const first = await startDemo(context);
  const second = await startDemo(context);
  const urls = [first, second].map((demo) => /proxy +(http:\S+)/.exec(demo.output())?.[1] ?? '');
  assert.notEqual(urls[0], urls[1]);
  const socket = new WebSocket(`${urls[1]?.replace('http', 'ws')}/socket`);
  context.after(() => socket.terminate());
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(String(data)));
  await withDeadline(
    new Promise((resolve) => socket.once('open', resolve)),
    DEADLINE_MS,
    'it opens',
  );
  socket.send('hello');
  await until(() => messages.length === 2, { what: 'a greeting and the echo' });
  assert.match(messages[0] ?? '', /^this is (apple|pear)$/);
  assert.equal(messages[1], 'hello');
  assert.equal(await second.interrupt(), 0);
  assert.equal(await first.interrupt(), 0);
});
