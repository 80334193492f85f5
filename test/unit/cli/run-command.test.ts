// The commands that need no processes: what they print, where, and with which exit code.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { parseCli } from '../../../src/cli/cli.ts';
import { helpText } from '../../../src/cli/help.ts';
import { toLoadRequest } from '../../../src/cli/request.ts';
import { runCommand } from '../../../src/cli/run-command.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const yaml = `listeners:
  - port: 8080
upstreams:
  app: { peers: [http://127.0.0.1:9001, http://127.0.0.1:9002] }
routes:
  - to: app
`;

/** Runs a command line in a directory that holds \`files\`. */
async function run(
  context: TestContext,
  line: string,
  { files = {}, env = {} }: { files?: Record<string, string>; env?: NodeJS.ProcessEnv } = {},
) {
  const dir = createTempDir(context);
  for (const [name, text] of Object.entries(files)) writeFileSync(dir.file(name), text);
  const command = parseCli(line.split(' ').filter((word) => word !== ''));
  assert.ok(command.name !== 'run' && command.name !== 'demo');
  let stdout = '';
  let stderr = '';
  const code = await runCommand(command, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    env,
    cwd: dir.path,
  });
  return { code, stdout, stderr, cwd: dir.path };
}

describe('sluice check', () => {
  it('says in one line that a configuration is valid', async (context) => {
    const { code, stdout, stderr } = await run(context, 'check app.yaml', {
      files: { 'app.yaml': yaml },
    });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(stdout, 'app.yaml is valid: 1 listener, 1 upstream with 2 peers, 1 route\n');
  });

  it('warns of routes that can not be reached, and is content', async (context) => {
    const text = yaml.replace('- to: app', '- { match: { path: /a//b }, to: app }');
    const files = { 'app.yaml': text };
    const { code, stdout, stderr } = await run(context, 'check app.yaml', { files });
    assert.equal(code, 0);
    assert.match(stdout, /^app\.yaml is valid/);
    assert.match(
      stderr,
      /^warning: app\.yaml:\d+:\d+ {2}routes\[0\]\.match\.path\[0\]\n {4}no request has/,
    );
    const json = await run(context, 'check app.yaml --json', { files });
    assert.equal(JSON.parse(json.stdout).warnings[0].path, 'routes[0].match.path[0]');
    assert.equal(json.stderr, '');
  });

  it('reports every problem on standard error and exits with 1', async (context) => {
    const text = yaml.replace('to: app', 'to: ap').replace('port: 8080', 'prot: 8080');
    const { code, stdout, stderr } = await run(context, 'check app.yaml', {
      files: { 'app.yaml': text },
    });
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(
      stderr,
      `sluice: the configuration is not valid: 3 problems

app.yaml:2:5  listeners[0].port
    is missing: expected a whole number from 0 to 65535

app.yaml:2:5  listeners[0].prot
    unknown key; did you mean 'port'?

app.yaml:6:9  routes[0].to
    expected the name of an upstream, got 'ap'; did you mean 'app'?
`,
    );
  });

  it('--print shows the effective configuration, and the origin of what flags changed', async (context) => {
    const line =
      'check app.yaml --print --cores 3 --set limits.replayBytes=1MiB --listen 127.0.0.1:81';
    const { code, stdout } = await run(context, line, {
      files: { 'app.yaml': yaml },
      env: { SLUICE_LOG_LEVEL: 'debug' },
    });
    assert.equal(code, 0);
    const lines = stdout.split('\n').map((text) => text.replace(/ +#/, ' #').trim());
    for (const expected of [
      'cores: 3 # --cores',
      'port: 81 # --listen',
      'host: 127.0.0.1 # --listen',
      '- url: http://127.0.0.1:9001 # app.yaml:4',
      'level: debug # env SLUICE_LOG_LEVEL',
      'replayBytes: 1MiB # --set limits.replayBytes',
      'drainMs: 30s # default',
    ]) {
      assert.ok(lines.includes(expected), expected);
    }
    assert.equal(parse(stdout).upstreams.app.keepAlive.idleMs, '4s');
  });

  it('--env lists every variable with its value, origin and description', async (context) => {
    const { code, stdout } = await run(context, 'check app.yaml --env', {
      files: { 'app.yaml': yaml },
      env: { SLUICE_ADMIN_PORT: '9999' },
    });
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^# Port of the admin server.*\nSLUICE_ADMIN_PORT=9999 +# env SLUICE_ADMIN_PORT$/m,
    );
    assert.match(stdout, /^SLUICE_LIMITS_REQUEST_HEAD_BYTES=32KiB +# default$/m);
    assert.match(
      stdout,
      /^SLUICE_UPSTREAMS_APP_PEERS_1_URL=http:\/\/127\.0\.0\.1:9002 +# app\.yaml:4$/m,
    );
    assert.match(stdout, /^SLUICE_HEADERS_VIA= +# default$/m);
  });

  it('--json is for programs, valid or not', async (context) => {
    const good = await run(context, 'check app.yaml --json', { files: { 'app.yaml': yaml } });
    const { valid, config, origins } = JSON.parse(good.stdout);
    assert.deepEqual([good.code, valid, config.limits.replayBytes], [0, true, 65_536]);
    assert.equal(origins['listeners[0].port'], 'app.yaml:2');
    const bad = await run(context, 'check app.yaml --json', {
      files: { 'app.yaml': 'cores: 0\nx: 1' },
    });
    assert.deepEqual([bad.code, bad.stderr], [1, '']);
    const { problems } = JSON.parse(bad.stdout);
    const aboutCores = problems.find(({ path }: { path: string }) => path === 'cores');
    assert.deepEqual(aboutCores, {
      place: { kind: 'file', file: 'app.yaml', line: 1, column: 8 },
      path: 'cores',
      message: "expected 'auto' or a whole number from 1 to 256, got 0",
      suggestion: null,
    });
  });

  it('checks flags alone, without a file', async (context) => {
    const { code, stdout } = await run(context, 'check --to http://127.0.0.1:9001');
    assert.equal(code, 0);
    assert.equal(
      stdout,
      'the command line is valid: 1 listener, 1 upstream with 1 peer, 1 route\n',
    );
    const bad = await run(context, 'check --to 127.0.0.1:9001');
    assert.equal(bad.code, 1);
    assert.match(
      bad.stderr,
      /^flag --to {2}upstreams\.app\.peers\[0\]\.url\n.*did you mean 'http:\/\/127\.0\.0\.1:9001'\?$/m,
    );
  });

  it('finds SLUICE_CONFIG before sluice.config.* in the working directory', async (context) => {
    const files = { 'other.yaml': yaml, 'sluice.config.yaml': yaml, 'sluice.config.json': '{' };
    const found = await run(context, 'check', { files });
    assert.match(found.stdout, /^sluice\.config\.yaml is valid/);
    const named = await run(context, 'check', { files, env: { SLUICE_CONFIG: 'other.yaml' } });
    assert.match(named.stdout, /^other\.yaml is valid/);
  });

  it('says what it looked for when there is no configuration', async (context) => {
    const { code, stdout, stderr, cwd } = await run(context, 'check');
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      `sluice: there is no configuration: name a file (sluice run app.yaml), name a backend
(sluice --to http://127.0.0.1:9001), set SLUICE_CONFIG, or put sluice.config.ts
(or .mts .js .mjs .yaml .yml .json) into ${cwd}\n`,
    );
  });
});

describe('toLoadRequest', () => {
  it('looks for no file when --to says where requests go', (context) => {
    const dir = createTempDir(context);
    writeFileSync(dir.file('sluice.config.yaml'), yaml);
    const choice = { file: null, isWithoutFile: true, flags: [] };
    const io = { env: { SLUICE_CONFIG: 'x.yaml' }, cwd: dir.path };
    assert.deepEqual(toLoadRequest(choice, io), { file: null, flags: [], ...io });
  });
});

describe('the other commands', () => {
  it('help fits one screen of 80 columns and 24 lines, and names every flag', async (context) => {
    const { code, stdout } = await run(context, '--help');
    assert.deepEqual([code, stdout], [0, helpText]);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length <= 24, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
    const flags =
      'cores listen to admin log-access access-file log-level set print env json help version';
    for (const flag of flags.split(' ')) assert.match(stdout, new RegExp(`--${flag}\\b`));
  });

  it('version is that of the package', async (context) => {
    const { code, stdout } = await run(context, '--version');
    assert.equal(code, 0);
    assert.match(stdout, /^sluice \d+\.\d+\.\d+\n$/);
  });

  it('schema is JSON', async (context) => {
    const { code, stdout } = await run(context, 'schema');
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).title, 'Sluice configuration');
  });

  it('a wrong command line is a message on standard error and exit code 2', async (context) => {
    const { code, stdout, stderr } = await run(context, 'chek');
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      "sluice: unknown command 'chek'; did you mean 'check'?\nTry sluice --help.\n",
    );
  });
});
