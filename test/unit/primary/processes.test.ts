// The primary with real processes and signals; the children are fake-main.ts and proxy nothing.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { childrenOf, isAlive, killTree, roleOf, titleOf } from '../../support/process-tree.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const main = fileURLToPath(new URL('fake-main.ts', import.meta.url));

interface TestPrimary {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly configFile: string;
  readonly runParent: string;
  output(): string;
  exit(): { code: number | null; signal: NodeJS.Signals | null } | null;
  untilOutput(text: string | RegExp): Promise<void>;
  untilExit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  write(changes: object): void;
}

interface StartOptions {
  readonly port?: number;
  readonly env?: Record<string, string>;
  readonly isReadyAwaited?: boolean;
  readonly hasLauncher?: boolean;
}

async function startPrimary(
  context: TestContext,
  options: StartOptions = {},
): Promise<TestPrimary> {
  const folder = createTempDir(context);
  const port = options.port ?? (await freePort());
  const configFile = folder.file('sluice.json');
  const write = (changes: object) => {
    const config = {
      cores: 2,
      listeners: [{ host: '127.0.0.1', port }],
      upstreams: { app: { peers: ['http://127.0.0.1:9001'] } },
      routes: [{ to: 'app' }],
      admin: { enabled: false },
      ...changes,
    };
    writeFileSync(configFile, JSON.stringify(config));
  };
  write({});
  const child = spawn(process.execPath, [main, configFile], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder.path, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.hasLauncher ? (['ipc'] as const) : [])],
  });
  const pid = child.pid ?? -1;
  let output = '';
  let exit: ReturnType<TestPrimary['exit']> = null;
  let openStreams = 2;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    stream?.once('end', () => {
      openStreams -= 1;
    });
  }
  // Not `close`: it never comes after a manual disconnect of the IPC channel.
  child.once('exit', (code, signal) => {
    exit = { code, signal };
  });
  context.after(async () => {
    const pids = killTree(pid);
    await until(() => !pids.some(isAlive), { what: 'all processes are gone' });
  });
  const evidence = () => output;
  const primary: TestPrimary = {
    process: child,
    pid,
    configFile,
    runParent: folder.path,
    output: () => output,
    exit: () => exit,
    untilOutput: (text) => until(() => output.search(text) >= 0, { what: String(text), evidence }),
    async untilExit() {
      // The news of the end may overtake the last words.
      const isOver = () => exit !== null && openStreams === 0;
      await until(isOver, { what: 'the primary ends', evidence });
      return exit as unknown as { code: number | null; signal: NodeJS.Signals | null };
    },
    write,
  };
  if (options.isReadyAwaited !== false) await primary.untilOutput('sluice is ready');
  return primary;
}

function runDirectories(primary: TestPrimary): string[] {
  return readdirSync(primary.runParent).filter((name) => name.startsWith('sluice-'));
}

function workers(primary: TestPrimary): number[] {
  return childrenOf(primary.pid).filter((pid) => roleOf(pid) === 'worker');
}

describe('the primary', () => {
  it('starts a sidecar and workers, drains on SIGTERM, exits 0 and leaves nothing', async (context) => {
    const primary = await startPrimary(context);
    assert.equal(workers(primary).length, 2);
    assert.equal(childrenOf(primary.pid).length, 3);
    assert.match(titleOf(primary.pid), /^sluice: primary /);
    const [directory] = runDirectories(primary);
    assert.ok(directory);
    assert.equal(statSync(`${primary.runParent}/${directory}`).mode & 0o777, 0o700);
    primary.process.kill('SIGTERM');
    assert.deepEqual(await primary.untilExit(), { code: 0, signal: null });
    const order = [...primary.output().matchAll(/child (\S+) draining/g)].map((match) => match[1]);
    assert.deepEqual([order.length, order.at(-1)], [3, 'sidecar']);
    assert.deepEqual(runDirectories(primary), []);
  });

  it('replaces killed children at once, and says how long it took', async (context) => {
    const primary = await startPrimary(context);
    const downMs: number[] = [];
    for (const [index, victim] of childrenOf(primary.pid).entries()) {
      const killedAtMs = performance.now();
      process.kill(victim, 'SIGKILL');
      await until(() => !isAlive(victim) && childrenOf(primary.pid).length === 3, {
        what: 'a successor',
        evidence: primary.output,
      });
      await until(() => primary.output().split('"child is ready again"').length === index + 2, {
        what: 'it is ready',
        evidence: primary.output,
      });
      downMs.push(performance.now() - killedAtMs);
    }
    // How fast is for people to see: a busy machine must not fail a test.
    context.diagnostic(`back after ${downMs.map(Math.round)} ms`);
  });

  it('does not start twice on one port and says by whom it is served', async (context) => {
    const port = await freePort();
    const first = await startPrimary(context, { port });
    const second = await startPrimary(context, { port, isReadyAwaited: false });
    assert.equal((await second.untilExit()).code, 1);
    const expected = `sluice: port ${port} is already served by sluice, pid ${first.pid}, started `;
    assert.ok(second.output().startsWith(expected), second.output());
    assert.ok(second.output().includes(first.configFile));
    assert.deepEqual(runDirectories(second), []);
  });

  it('ends with 1 and the reason when a child can not start', async (context) => {
    const env = { FAKE_FATAL: 'worker1' };
    const primary = await startPrimary(context, { env, isReadyAwaited: false });
    assert.equal((await primary.untilExit()).code, 1);
    assert.match(primary.output(), /sluice: can't start: worker 1: no such luck/);
  });

  it('ends at once on a second signal', async (context) => {
    const primary = await startPrimary(context, { env: { FAKE_BUSY_MS: '20000' } });
    const children = childrenOf(primary.pid);
    primary.process.kill('SIGTERM');
    await primary.untilOutput(/child worker1 draining/);
    assert.equal(primary.exit(), null);
    primary.process.kill('SIGINT');
    assert.deepEqual(await primary.untilExit(), { code: 130, signal: null });
    await until(() => !children.some(isAlive), { what: 'the children are gone' });
    assert.deepEqual(runDirectories(primary), []);
  });

  it('drains when it is told to stop while it starts', async (context) => {
    const primary = await startPrimary(context, { isReadyAwaited: false });
    await until(() => childrenOf(primary.pid).length > 0, { what: 'the first child' });
    primary.process.kill('SIGTERM');
    assert.equal((await primary.untilExit()).code, 0);
  });

  it('drains when its launcher is gone', async (context) => {
    const primary = await startPrimary(context, { hasLauncher: true });
    primary.process.disconnect();
    assert.equal((await primary.untilExit()).code, 0);
    assert.match(primary.output(), /the launcher is gone/);
  });

  it('takes its children with it when it is killed', async (context) => {
    const primary = await startPrimary(context);
    const children = childrenOf(primary.pid);
    primary.process.kill('SIGKILL');
    await until(() => !children.some(isAlive), { what: 'the children are gone' });
  });

  it('reloads when the file changes and when it gets SIGHUP', async (context) => {
    const primary = await startPrimary(context);
    primary.write({ cores: 3 });
    await primary.untilOutput(/child worker2 live2/);
    await primary.untilOutput(/"new configuration is live".*"settings":\["cores"\]/);
    primary.process.kill('SIGHUP');
    await primary.untilOutput('configuration is unchanged');
    writeFileSync(primary.configFile, '{ "cores": "many" }');
    await primary.untilOutput('new configuration is refused');
    assert.equal(workers(primary).length, 3);
    assert.ok(existsSync(primary.configFile));
  });
});
