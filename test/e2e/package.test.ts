// The npm package as users get it: packed, installed from the tarball into an empty directory, run by npx.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startOrigin } from '../support/origin.ts';
import { childrenOf, isAlive, killTree, titleOf } from '../support/process-tree.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

let folder: TempDir;

before(
  async () => {
    folder = createTempDir();
    const { path } = folder;
    await run('npm', ['pack', '--silent', '--pack-destination', path], { cwd: repository });
    const tarball = readdirSync(path).find((name) => name.endsWith('.tgz'));
    assert.ok(tarball);
    writeFileSync(folder.file('package.json'), '{ "private": true }\n');
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${tarball}`], {
      cwd: path,
      env: hostEnvironment(),
    });
  },
  { timeout: 300_000 },
);
after(() => folder.remove());

// Without this repository's node_modules/.bin, which npm puts in front when it runs the tests.
function hostEnvironment(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  const folders = (process.env['PATH'] ?? '').split(':');
  const path = folders.filter((name) => !name.includes('node_modules')).join(':');
  return { ...Object.fromEntries(env), PATH: path, npm_config_update_notifier: 'false' };
}

function npx(...args: string[]) {
  return run('npx', ['--no-install', 'sluice', ...args], {
    cwd: folder.path,
    env: hostEnvironment(),
  });
}

describe('the installed package', () => {
  it('holds compiled code and no tests', () => {
    const content = readdirSync(folder.file('node_modules/sluice'));
    assert.deepEqual(content.filter((name) => name !== 'README.md').sort(), [
      'LICENSE',
      'config',
      'dist',
      'package.json',
      'src',
    ]);
    assert.deepEqual(readdirSync(folder.file('node_modules/sluice/src')), ['launch.mjs']);
  });

  it('shows help and version', async () => {
    assert.match((await npx('--help')).stdout, /^Sluice: /);
    assert.match((await npx('--version')).stdout, /^sluice \d+\.\d+\.\d+\n$/);
  });

  it('checks a YAML and a typed configuration', async () => {
    const upstreams = `upstreams: { app: { peers: ['http://127.0.0.1:9001'] } }`;
    writeFileSync(folder.file('good.yaml'), `${upstreams}\nroutes: [{ to: app }]\n`);
    assert.match((await npx('check', 'good.yaml')).stdout, /valid/);
    writeFileSync(
      folder.file('good.config.ts'),
      `import { defineConfig } from 'sluice';
export default defineConfig({ ${upstreams}, routes: [{ to: 'app' as const }] });
`,
    );
    assert.match((await npx('check', 'good.config.ts')).stdout, /valid/);
    writeFileSync(folder.file('bad.yaml'), `${upstreams}\nroutes: [{ to: appp }]\n`);
    await assert.rejects(npx('check', 'bad.yaml'), (error: Error & { stderr: string }) => {
      return /bad\.yaml:2/.test(error.stderr) && /did you mean 'app'/.test(error.stderr);
    });
  });

  it('checks plugins in TypeScript, whose types it has', async () => {
    writeFileSync(
      folder.file('hello.ts'),
      `import { definePlugin, type PluginRequest } from 'sluice/plugin';
export default definePlugin({ request: (request: PluginRequest) => ({ body: request.host }) });
`,
    );
    writeFileSync(
      folder.file('plugins.yaml'),
      `plugins: [./hello.ts]
upstreams: { app: { peers: ['http://127.0.0.1:9001'] } }
routes: [{ to: app, plugins: [hello] }]
`,
    );
    assert.match((await npx('check', 'plugins.yaml')).stdout, /valid/);
    writeFileSync(folder.file('hello.ts'), 'export default {\n  request() { return }\n');
    await assert.rejects(npx('check', 'plugins.yaml'), (error: Error & { stderr: string }) => {
      return /hello\.ts:\d/.test(error.stderr);
    });
    const types = folder.file('node_modules/sluice/dist/plugin/define-plugin.d.ts');
    assert.match(readFileSync(types, 'utf8'), /interface PluginRequest/);
  });

  // A terminal signals the whole group; a service manager signals npx alone.
  for (const [how, signal, isGroup] of [
    ['Ctrl-C', 'SIGINT', true],
    ['SIGTERM to npx', 'SIGTERM', false],
  ] as const) {
    it(`serves, and ends with nothing left behind on ${how}`, async (context) => {
      const origin = await startOrigin(
        (connection) => connection.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'),
        { context },
      );
      const port = await freePort();
      const proxy = startProxy(['--listen', `127.0.0.1:${port}`, '--to', origin.url]);
      const npxPid = proxy.process.pid ?? -1;
      context.after(() => killTree(npxPid));
      const evidence = proxy.output;
      const isReady = () => proxy.output().includes('sluice is ready');
      await until(isReady, { what: 'it is ready', deadlineMs: 60_000, evidence });
      const response = await request(port);
      assert.equal(response.status, 200);
      assert.equal(response.text(), 'hi');
      const primary = findPrimary(npxPid);
      assert.ok(primary > 0);
      context.after(() => killTree(primary));
      const processes = [npxPid, primary, ...childrenOf(primary)];
      process.kill(isGroup ? -npxPid : npxPid, signal);
      await until(() => !processes.some(isAlive), { what: 'all processes end', evidence });
    });
  }
});

function startProxy(args: string[]): { process: ChildProcess; output: () => string } {
  const all = ['--no-install', 'sluice', ...args, '--cores', '2', '--admin', 'off'];
  const child = spawn('npx', all, {
    cwd: folder.path,
    env: hostEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return { process: child, output: () => output };
}

function findPrimary(pid: number): number {
  if (titleOf(pid).startsWith('sluice: primary')) return pid;
  for (const child of childrenOf(pid)) {
    const found = findPrimary(child);
    if (found > 0) return found;
  }
  return -1;
}
