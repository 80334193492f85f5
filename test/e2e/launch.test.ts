// The launcher on a Node that is not the pinned one: a copy of the binary stands for the host's.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, copyFileSync, readlinkSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { childrenOf, isAlive, killTree, titleOf } from '../support/process-tree.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const launcher = fileURLToPath(new URL('../../src/launch.mjs', import.meta.url));
const withoutExecve = ['--import', 'data:text/javascript,delete process.execve'];

let folder: TempDir;
let hostNode: string;

before(() => {
  folder = createTempDir();
  hostNode = folder.file('node');
  copyFileSync(process.execPath, hostNode, constants.COPYFILE_FICLONE);
});
after(() => folder.remove());

interface Launched {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
  output(): string;
  /** Pid of the primary: the launched process itself or its child. */
  primary(): number;
  untilExit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

interface LaunchOptions {
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the launcher before `origin`, in a process group of its own, and waits until it serves. */
async function launchProxy(
  context: TestContext,
  origin: Origin,
  options: LaunchOptions = {},
): Promise<Launched> {
  const port = await freePort();
  const where = ['--listen', `127.0.0.1:${port}`, '--to', origin.url, '--admin', 'off'];
  const args = [...(options.flags ?? []), launcher, ...where, '--cores', '1'];
  const launched = launch(context, args, options.env);
  // That somebody takes connections proves nothing: the primary tries the port before its worker has it.
  const isServing = () => launched.output().includes('"sluice is ready"');
  await until(isServing, { what: 'the proxy serves', evidence: launched.output });
  return { ...launched, port };
}

function launch(context: TestContext, args: readonly string[], env?: NodeJS.ProcessEnv) {
  const child = spawn(hostNode, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...env },
  });
  const pid = child.pid ?? -1;
  let output = '';
  let exit: { code: number | null; signal: NodeJS.Signals | null } | null = null;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.once('close', (code, signal) => {
    exit = { code, signal };
  });
  context.after(() => killTree(pid));
  const evidence = () => output;
  return {
    process: child,
    pid,
    output: evidence,
    primary: () => (isPrimary(pid) ? pid : (childrenOf(pid).find(isPrimary) ?? -1)),
    async untilExit() {
      await until(() => exit !== null, { what: 'the launcher ends', evidence });
      return exit as unknown as { code: number | null; signal: NodeJS.Signals | null };
    },
  };
}

function isPrimary(pid: number): boolean {
  return titleOf(pid).startsWith('sluice: primary');
}

function binaryOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/exe`);
}

/** An origin that answers only when told. */
async function startSlowOrigin(context: TestContext) {
  const origin = await startOrigin(() => {}, { context });
  const answer = async () => {
    const connection = await origin.connection(0);
    await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlater');
  };
  return { origin, answer };
}

describe('the launcher', () => {
  it('becomes the pinned Node where the host can replace a process', async (context) => {
    const { origin } = await startSlowOrigin(context);
    const launched = await launchProxy(context, origin);
    assert.equal(launched.primary(), launched.pid);
    const pinned = createRequire(import.meta.url).resolve(
      `node-linux-${process.arch}/package.json`,
    );
    assert.equal(binaryOf(launched.pid), realpathSync(join(dirname(pinned), 'bin/node')));
    launched.process.kill('SIGTERM');
    assert.deepEqual(await launched.untilExit(), { code: 0, signal: null });
  });

  it('runs the pinned Node as a child where the host can not', async (context) => {
    const { origin } = await startSlowOrigin(context);
    const launched = await launchProxy(context, origin, { flags: withoutExecve });
    assert.notEqual(launched.primary(), launched.pid);
    assert.notEqual(binaryOf(launched.primary()), hostNode);
    launched.process.kill('SIGTERM');
    assert.deepEqual(await launched.untilExit(), { code: 0, signal: null });
  });

  for (const [how, flags] of [
    ['as a child', withoutExecve],
    ['in its place', []],
  ] as const) {
    it(`lets Ctrl-C arrive once: an exchange in flight is finished (${how})`, async (context) => {
      const { origin, answer } = await startSlowOrigin(context);
      const launched = await launchProxy(context, origin, { flags });
      const client = await connectClient(launched.port, { context });
      const response = client.request();
      await origin.requestCount(1);
      // A terminal signals the whole process group.
      process.kill(-launched.pid, 'SIGINT');
      await until(() => launched.output().includes('"draining"'), { what: 'it drains' });
      await answer();
      assert.equal((await response).text(), 'later');
      assert.deepEqual(await launched.untilExit(), { code: 0, signal: null });
    });
  }

  it('is missed by the primary, which drains, when it is killed', async (context) => {
    const { origin, answer } = await startSlowOrigin(context);
    const launched = await launchProxy(context, origin, { flags: withoutExecve });
    const primary = launched.primary();
    const client = await connectClient(launched.port, { context });
    const response = client.request();
    await origin.requestCount(1);
    launched.process.kill('SIGKILL');
    await until(() => launched.output().includes('the launcher is gone'), { what: 'it drains' });
    assert.ok(isAlive(primary));
    await answer();
    assert.equal((await response).text(), 'later');
    await until(() => !isAlive(primary), { what: 'the primary ends' });
  });

  for (const [how, flags] of [
    ['as a child', withoutExecve],
    ['in its place', []],
  ] as const) {
    it(`drains when the shell between npm and it is gone (${how})`, async (context) => {
      const { origin } = await startSlowOrigin(context);
      const port = await freePort();
      const where = `--listen 127.0.0.1:${port} --to ${origin.url} --admin off --cores 1`;
      const command = [hostNode, ...flags, launcher].map((word) => `'${word}'`).join(' ');
      const shell = spawn('sh', ['-c', `${command} ${where}; true`], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, npm_lifecycle_event: 'npx' },
      });
      let output = '';
      shell.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      context.after(() => killTree(shell.pid ?? -1));
      const evidence = () => output;
      await until(() => output.includes('sluice is ready'), { what: 'it serves', evidence });
      const [launched] = childrenOf(shell.pid ?? -1);
      assert.ok(launched);
      context.after(() => killTree(launched));
      shell.kill('SIGTERM');
      await until(() => !isAlive(launched), { what: 'it ends', evidence });
      const isTold = () => /npm is gone|the launcher is gone/.test(output);
      await until(isTold, { what: 'it says why', evidence });
    });
  }

  it('ends with the exit code of the command', async (context) => {
    for (const flags of [[], withoutExecve]) {
      const { untilExit, output } = launch(context, [...flags, launcher, 'check', 'missing.yaml']);
      assert.equal((await untilExit()).code, 1, output());
      const usage = launch(context, [...flags, launcher, '--nonsense']);
      assert.equal((await usage.untilExit()).code, 2, usage.output());
    }
  });

  it('says what is missing when there is neither the package nor Node 22', async (context) => {
    const old = `Object.defineProperty(process, 'arch', { value: 'mips' });
Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } })`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(old)}`, launcher];
    const { untilExit, output } = launch(context, args);
    assert.equal((await untilExit()).code, 1);
    assert.match(output(), /^sluice: needs Node 22, .* Node 22 for linux-mips is not installed/);
  });
});
