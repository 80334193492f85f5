// The sidecar as a process of its own: frozen, killed, orphaned.

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { type ChildToPrimary, parseChildMessage } from '../../../src/channel/control.ts';
import { upstreamSpecs } from '../../../src/channel/upstream-specs.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { until } from '../../support/deadline.ts';
import { linkWorker } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const config = parseConfig({
  cores: 1,
  upstreams: {
    app: {
      peers: Array.from({ length: 4 }, (_, at) => `http://h:${at + 1}`),
      ejection: { failuresInRow: 5, baseMs: 10_000, maxMs: 300_000 },
    },
  },
  routes: [{ to: 'app' }],
  admin: { host: '127.0.0.1', port: 0 },
  log: { level: 'silent', access: 'off' },
});
const specs = upstreamSpecs(config.upstreams);

interface SidecarProcess {
  readonly child: ChildProcess;
  readonly said: ChildToPrimary[];
}

/** Starts a sidecar as the primary does, up to its `ready`. */
async function startSidecar(directory: string, context: TestContext): Promise<SidecarProcess> {
  const entry = new URL('../../../src/main.ts', import.meta.url).pathname;
  const env = { ...process.env, SLUICE_ROLE: 'sidecar', SLUICE_RUN_DIR: directory };
  const child = fork(entry, [], {
    env,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  context.after(() => child.kill('SIGKILL'));
  const said: ChildToPrimary[] = [];
  child.on('message', (value) => {
    const message = parseChildMessage(value);
    if (message === null) return;
    said.push(message);
    if (message.type === 'started') child.send({ type: 'configure', version: 1, config });
    if (message.type === 'configured') child.send({ type: 'activate', version: 1 });
  });
  const isReady = () => said.some((message) => message.type === 'ready');
  await until(isReady, { what: 'the sidecar is ready', evidence: () => errors });
  return { child, said };
}

describe('the sidecar process', () => {
  test('never makes a worker wait or grow while it is frozen, and is used again after', async (context) => {
    const { path } = createTempDir(context);
    const { child } = await startSidecar(path, context);
    const { link, peers } = linkWorker(path, specs, context);
    const other = linkWorker(path, specs, context, { slot: 1 });
    await until(() => link.connected && other.link.connected, { what: 'both links' });
    child.kill('SIGSTOP');
    const bytesBefore = link.counters.bytesOut;
    let touches = 0;
    await until(
      () => {
        for (const peer of peers) {
          for (let time = 0; time < 25; time++) {
            peer.inFlight += time % 2 === 0 ? 1 : -1;
            link.touched(peer);
            touches += 1;
          }
        }
        return touches > 5000 && link.counters.silences >= 3 && !link.connected;
      },
      { what: 'the freeze is noticed three times' },
    );
    const bytes = link.counters.bytesOut - bytesBefore;
    assert.ok(bytes < 10_000, `${bytes} bytes`);
    for (let time = 0; time < 5; time++) link.failed(peers[1]!);
    assert.equal(peers[1]!.healthy, false, 'it judges alone');
    child.kill('SIGCONT');
    await until(() => link.connected && other.link.connected, { what: 'both links again' });
    const inFlight = peers[0]!.inFlight;
    await until(() => other.peers[0]!.inFlightElsewhere === inFlight, { what: 'the truth' });
    await until(() => !other.peers[1]!.healthy, { what: 'the ejection' });
  });

  test('leaves workers linked to its successor after SIGKILL', async (context) => {
    const { path } = createTempDir(context);
    const first = await startSidecar(path, context);
    const { link, peers } = linkWorker(path, specs, context);
    const other = linkWorker(path, specs, context, { slot: 1 });
    await until(() => link.connected && other.link.connected, { what: 'both links' });
    first.child.kill('SIGKILL');
    await until(() => !link.connected, { what: 'the loss' });
    peers[2]!.inFlight = 6;
    link.touched(peers[2]!);
    await startSidecar(path, context);
    await until(() => other.peers[2]!.inFlightElsewhere === 6, { what: 'the truth' });
  });

  test('ends when the primary is gone, and when it is told to drain', async (context) => {
    for (const end of ['disconnect', 'drain'] as const) {
      const { path } = createTempDir(context);
      const { child, said } = await startSidecar(path, context);
      const title = readFileSync(`/proc/${child.pid}/cmdline`, 'latin1');
      assert.match(title, /^sluice: sidecar/);
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      child.kill('SIGINT');
      if (end === 'disconnect') child.disconnect();
      else child.send({ type: 'drain', deadlineMs: 1000 });
      assert.equal(await ended, 0, end);
      // The news of its end may overtake its last words.
      const last = end === 'drain' ? 'drained' : 'ready';
      await until(() => said.at(-1)!.type === last, { what: `it says ${last}` });
    }
  });
});
