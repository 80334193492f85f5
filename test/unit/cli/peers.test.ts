// `sluice peers`, `sluice purge` and `sluice reload`: what they ask of the admin address, and what they
// say about it.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { adminAddress } from '../../../src/cli/admin-client.ts';
import { parseCli } from '../../../src/cli/cli.ts';
import type { PeersCommand, ReloadCommand } from '../../../src/cli/command.ts';
import { runRunning } from '../../../src/cli/run-peers.ts';

const url = 'http://127.0.0.1:9001';
const words = (line: string) => line.split(' ').filter((word) => word !== '');

describe('the command line of peers and reload', () => {
  const none = { upstream: null, url: null, weight: null, admin: null, isJson: false };
  const rows: [string, object][] = [
    ['peers', { name: 'peers', action: 'list', ...none }],
    ['peers list app', { name: 'peers', action: 'list', ...none, upstream: 'app' }],
    ['--json peers list', { name: 'peers', action: 'list', ...none, isJson: true }],
    [
      `peers add app ${url} --weight 3`,
      { name: 'peers', action: 'add', ...none, upstream: 'app', url, weight: 3 },
    ],
    [
      `--admin [::1]:9901 peers drain app ${url}`,
      { name: 'peers', action: 'drain', ...none, upstream: 'app', url, admin: '[::1]:9901' },
    ],
    ['reload --json', { name: 'reload', admin: null, isJson: true }],
    [
      'purge http://a/b --soft',
      { name: 'purge', body: { url: 'http://a/b', soft: true }, admin: null, isJson: false },
    ],
    [
      '--admin :9901 purge --tag peers --json',
      { name: 'purge', body: { tag: 'peers', soft: false }, admin: ':9901', isJson: true },
    ],
    [
      'purge --all',
      { name: 'purge', body: { all: true, soft: false }, admin: null, isJson: false },
    ],
    ['peers --help', { name: 'help' }],
    ['run peers', { name: 'run', file: 'peers', isWithoutFile: false, flags: [] }],
  ];
  for (const [line, expected] of rows) {
    it(`reads "sluice ${line}"`, () => assert.deepEqual(parseCli(words(line)), expected));
  }

  const mistakes: [string, RegExp][] = [
    ['peers frob', /unknown action 'frob'; there are list, add/],
    ['peers dran app', /did you mean 'drain'/],
    ['peers add app', /peers add needs URL$/],
    ['peers add', /peers add needs UPSTREAM and URL$/],
    [`peers add app ${url} ${url}`, /is too much/],
    ['peers list app app', /'app' is too much/],
    [`peers weight app ${url}`, /needs --weight N/],
    [`peers weight app ${url} --weight heavy`, /a whole number, got 'heavy'/],
    [`peers drain app ${url} --weight 3`, /peers drain takes no --weight/],
    ['peers list --cores 3', /--cores/],
    ['reload app', /reload takes no 'app'/],
    ['purge', /needs one of URL, --prefix URL, --tag TAG and --all/],
    ['purge http://a --all', /needs one of/],
    ['purge http://a http://b', /'http:\/\/b' is too much/],
    ['purge --weight 3', /--weight/],
    ['relaod', /did you mean 'reload'/],
  ];
  for (const [line, expected] of mistakes) {
    it(`refuses "sluice ${line}"`, () => {
      const command = parseCli(words(line));
      assert.equal(command.name, 'usage');
      assert.match('message' in command ? command.message : '', expected);
    });
  }
});

it('finds the admin address by flag, environment and default, where it can be reached', () => {
  const rows: [string | null, NodeJS.ProcessEnv, string | null][] = [
    [null, {}, '127.0.0.1 9900'],
    [null, { SLUICE_ADMIN_PORT: '9901' }, '127.0.0.1 9901'],
    [null, { SLUICE_ADMIN_HOST: '0.0.0.0', SLUICE_ADMIN_PORT: '9901' }, '127.0.0.1 9901'],
    [':9902', { SLUICE_ADMIN_HOST: '::' }, '::1 9902'],
    ['admin.internal:80', { SLUICE_ADMIN_HOST: '::' }, 'admin.internal 80'],
    [null, { SLUICE_ADMIN_PORT: 'x' }, null],
    [null, { SLUICE_ADMIN_PORT: '99.5' }, null],
    [null, { SLUICE_ADMIN_PORT: '65536' }, null],
    ['nonsense', {}, null],
    ['127.0.0.1:0', {}, null],
  ];
  for (const [flag, env, expected] of rows) {
    const address = adminAddress(flag, env);
    assert.equal(address && `${address.host} ${address.port}`, expected);
  }
});

interface Script {
  readonly status?: number;
  readonly answer?: unknown;
  readonly text?: string;
}

/** Runs a command against a server that gives one answer; returns all that can be seen of it. */
async function run(context: TestContext, line: string, script: Script = {}) {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${body}`.trim());
      response.statusCode = script.status ?? 200;
      response.end(script.text ?? JSON.stringify(script.answer ?? {}));
    });
  });
  context.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const command = parseCli([...words(line), '--admin', `127.0.0.1:${port}`]);
  let stdout = '';
  let stderr = '';
  const code = await runRunning(command as PeersCommand | ReloadCommand, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    env: {},
    cwd: '/',
  });
  return { code, stdout, stderr, asked: asked.join('\n') };
}

describe('sluice peers', () => {
  const path = `/api/upstreams/app/peers/${encodeURIComponent(url)}`;
  const rows: [string, string, RegExp][] = [
    [`add app ${url}`, `POST /api/upstreams/app/peers {"url":"${url}"}`, /is a peer of app/],
    [
      `add app ${url} --weight 3`,
      `POST /api/upstreams/app/peers {"url":"${url}","weight":3}`,
      /is a peer of app/,
    ],
    [`remove app ${url}`, `DELETE ${path}`, /is no peer of app any more/],
    [`weight app ${url} --weight 9`, `PATCH ${path} {"weight":9}`, /has weight 9/],
    [`drain app ${url}`, `PATCH ${path} {"draining":true}`, /gets no new work/],
    [`undrain app ${url}`, `PATCH ${path} {"draining":false}`, /gets work again/],
  ];
  for (const [line, request, sentence] of rows) {
    it(`asks "${request}" for ${line}`, async (context) => {
      const { code, stdout, stderr, asked } = await run(context, `peers ${line}`);
      assert.deepEqual([code, stderr, asked], [0, '', request]);
      assert.match(stdout, sentence);
    });
  }

  it('lists as a table', async (context) => {
    const health = { isHealthy: true, reason: '', since: null };
    const peer = {
      ...{ url, origin: 'config', weight: 1, priority: 0, draining: false, health },
      ...{ inFlight: 12, requestsPerSecond: 1234.56, errorsPerSecond: 0.04 },
    };
    const down = {
      isHealthy: false,
      reason: 'five failures in row',
      since: '2026-11-21T03:04:05Z',
    };
    const app = {
      ...{
        name: 'app',
        balancer: 'ewma',
        inFlight: 13,
        peersHealthy: 1,
        requestsPerSecond: 2469.1,
      },
      latency: { p50Ms: 1.25, p95Ms: 3, p99Ms: 140.2 },
      discovery: { dns: 'app.internal:80', dnsProblem: 'ETIMEOUT' },
      peers: [peer, { ...peer, url: 'http://b:1', weight: 100, draining: true, health: down }],
    };
    const { code, stdout } = await run(context, 'peers list app', { answer: app });
    assert.equal(code, 0);
    assert.deepEqual(stdout.split('\n'), [
      'app: ewma, 1 of 2 healthy, 13 running, 2469 req/s, p50 1.3  p95 3  p99 140 ms',
      '  DNS app.internal:80: ETIMEOUT',
      '  peer                   origin  weight  tier  running  req/s  err/s  state',
      '  http://127.0.0.1:9001  config       1     0       12   1235      0  ok',
      '  http://b:1             config     100     0       12   1235      0  ' +
        'draining, down since 03:04:05: five failures in row',
      '',
    ]);
    const json = await run(context, 'peers list app --json', { answer: app });
    assert.deepEqual(JSON.parse(json.stdout), app);
  });

  it('says what the proxy refuses, with all problems, and exits with 1', async (context) => {
    const answer = {
      message: 'The body is not valid.',
      problems: [{ path: 'weight', message: 'expected a whole number from 1 to 1000, got 0' }],
    };
    const line = `peers weight app ${url} --weight 0`;
    const refused = await run(context, line, { status: 422, answer });
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.equal(
      refused.stderr,
      'sluice: The body is not valid.\n    weight: expected a whole number from 1 to 1000, got 0\n',
    );
    const json = await run(context, `${line} --json`, { status: 422, answer });
    assert.equal(JSON.parse(json.stdout).error.status, 422);
  });

  it('exits with 3 when nobody answers, or somebody else', async (context) => {
    const other = await run(context, 'peers list', { text: '<html>' });
    assert.equal(other.code, 3);
    assert.match(other.stderr, /no Sluice answers at 127\.0\.0\.1:\d+ \(what answers there/);
    const foreign = await run(context, 'peers list', { status: 404, text: '{}' });
    assert.equal(foreign.code, 3);
  });
});

it('sluice reload says whether anything changed', async (context) => {
  const live = await run(context, 'reload', { answer: { version: 4, isChanged: true } });
  assert.deepEqual([live.code, live.asked], [0, 'POST /api/reload']);
  assert.equal(live.stdout, 'configuration 4 is live in every worker\n');
  const same = await run(context, 'reload', { answer: { version: 4, isChanged: false } });
  assert.equal(same.stdout, 'the configuration is unchanged (4)\n');
});
