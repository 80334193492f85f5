// The sidecar in this process, as the primary and an operator meet it.

import assert from 'node:assert/strict';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { describe, type TestContext } from 'node:test';
import { SidecarLink } from '../../../src/channel/client.ts';
import type { ChildToPrimary } from '../../../src/channel/control.ts';
import { upstreamSpecs } from '../../../src/channel/upstream-specs.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { limits } from '../../../src/core/limits.ts';
import { Sidecar, type SidecarConfig } from '../../../src/sidecar/sidecar.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { makePeer, noEvents } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

function configOf(change: {
  cores?: number;
  port?: number;
  urls?: string[];
  enabled?: boolean;
}): SidecarConfig {
  const { cores = 1, port = 0, urls = ['http://127.0.0.1:9001'], enabled = true } = change;
  const { upstreams, ...rest } = parseConfig({
    cores,
    upstreams: { app: { peers: ['http://127.0.0.1:9001'] } },
    routes: [{ to: 'app' }],
    admin: { enabled, host: '127.0.0.1', port },
    log: { level: 'silent', access: 'off' },
  });
  const app = upstreams['app']!;
  const peers = urls.map((url) => ({ ...app.peers[0]!, url }));
  return { ...rest, upstreams: { app: { ...app, peers } } };
}

interface Bench {
  readonly sidecar: Sidecar;
  readonly sent: ChildToPrimary[];
  readonly directory: string;
  activate(version: number, config: SidecarConfig): Promise<void>;
  get(path: string, options?: Ask): Promise<Answer>;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function start(context: TestContext): Bench {
  const directory = createTempDir(context).path;
  const sent: ChildToPrimary[] = [];
  const sidecar = new Sidecar({
    runDirectory: directory,
    events: noEvents,
    send: (message) => sent.push(message),
  });
  context.after(() => sidecar.stop());
  return {
    sidecar,
    sent,
    directory,
    async activate(version, config) {
      await sidecar.receive({ type: 'configure', version, config });
      await sidecar.receive({ type: 'activate', version });
    },
    get: (path, options = {}) => get(sidecar.admin.port!, path, options),
  };
}

function get(port: number, path: string, { method = 'GET', headers = {}, body }: Ask = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const asked = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode!, body: text, headers: response.headers });
      });
    });
    asked.end(body);
  });
}

function link(bench: Bench, context: TestContext, slot: number, config: SidecarConfig) {
  const specs = upstreamSpecs(config.upstreams);
  const worker = new SidecarLink({ runDirectory: bench.directory, slot, onScrape: () => null });
  worker.install(
    specs,
    specs.flatMap((spec) => spec.peers.map((id) => makePeer(id, spec.name))),
  );
  context.after(() => worker.close());
  return worker;
}

describe('the sidecar', () => {
  test('stages, activates and is ready once', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    await bench.activate(2, configOf({}));
    await bench.sidecar.receive({ type: 'ping', id: 4 });
    const port = bench.sidecar.admin.port!;
    assert.deepEqual(bench.sent, [
      { type: 'configured', version: 1 },
      { type: 'activated', version: 1 },
      { type: 'ready', slot: null, ports: [{ name: 'admin', port }] },
      { type: 'configured', version: 2 },
      { type: 'activated', version: 2 },
      { type: 'pong', id: 4 },
    ]);
  });

  test('does not activate what was discarded or never staged', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    await bench.sidecar.receive({ type: 'configure', version: 2, config: configOf({ cores: 9 }) });
    await bench.sidecar.receive({ type: 'discard', version: 2 });
    await bench.sidecar.receive({ type: 'activate', version: 2 });
    await bench.sidecar.receive({ type: 'activate', version: 3 });
    assert.equal(bench.sidecar.overview.version, 1);
    assert.equal(bench.sidecar.overview.cores, 1);
  });

  test('refuses more peers than can be shared', async (context) => {
    const bench = start(context);
    const urls = Array.from({ length: limits.linkPeersMax + 1 }, (_, at) => `http://h:${at}`);
    await bench.sidecar.receive({ type: 'configure', version: 1, config: configOf({ urls }) });
    assert.equal(bench.sent[0]!.type, 'refused');
  });

  test('is ready when every worker serves the active configuration, and says why not', async (context) => {
    const bench = start(context);
    const config = configOf({ cores: 2 });
    await bench.activate(3, config);
    const reasons = async () => {
      const { status, body } = await bench.get('/readyz');
      const said = JSON.parse(body).reasons as string[];
      assert.equal(status, said.length === 0 ? 200 : 503);
      return said;
    };
    assert.deepEqual(await reasons(), ['Worker 0 is not linked.', 'Worker 1 is not linked.']);
    assert.equal((await bench.get('/healthz')).status, 503);
    const a = link(bench, context, 0, config);
    const b = link(bench, context, 1, config);
    a.setStatus(3, false);
    b.setStatus(2, false);
    const served = (slot: number, version: number) => () =>
      bench.sidecar.hub.workers.some((each) => each.slot === slot && each.version === version);
    await until(served(0, 3), { what: 'the status of worker 0' });
    await until(served(1, 2), { what: 'the status of worker 1' });
    assert.deepEqual(await reasons(), ['Worker 1 does not serve configuration 3 yet.']);
    assert.equal((await bench.get('/healthz')).status, 200);
    b.setStatus(3, false);
    await until(served(1, 3), { what: 'the new status' });
    assert.deepEqual(await reasons(), []);
    a.setStatus(3, true);
    await until(() => bench.sidecar.hub.workers[0]!.draining, { what: 'draining' });
    assert.deepEqual(await reasons(), ['Worker 0 is draining.']);
  });

  test('shows workers and peers in its status', async (context) => {
    const bench = start(context);
    const config = configOf({});
    await bench.activate(1, config);
    link(bench, context, 0, config).setStatus(1, false);
    await until(() => bench.sidecar.hub.workers[0]?.version === 1, { what: 'the status' });
    const status = JSON.parse((await bench.get('/api/status')).body);
    assert.equal(status.ready, true);
    assert.deepEqual(status.workers, [{ slot: 0, pid: process.pid, version: 1, draining: false }]);
    const [{ sinceMs, ...peer }] = status.upstreams.app.peers;
    assert.ok(Math.abs(Date.now() - sinceMs) < 60_000, `${sinceMs}`);
    assert.deepEqual(peer, {
      id: 'app/http://127.0.0.1:9001',
      inFlight: 0,
      healthy: true,
      reason: '',
      check: { state: 'off', atMs: 0, why: '' },
      failuresInRow: 0,
      timesEjected: 0,
      ejectedForMs: 0,
      requestsPerSecond: 0,
      errorsPerSecond: 0,
    });
  });

  test('gives metrics with the workers that did not answer named', async (context) => {
    const bench = start(context);
    const config = configOf({});
    await bench.activate(1, config);
    link(bench, context, 0, config);
    await until(() => bench.sidecar.hub.workers.length === 1, { what: 'the link' });
    const { status, body, headers } = await bench.get('/metrics');
    assert.equal(status, 200);
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
    assert.match(body, /^sluice_workers_missing 1$/m);
    assert.match(body, /^sluice_process_resident_memory_bytes\{role="sidecar"\} \d+$/m);
  });

  test('tries an admin address in use again, and is ready without it', async (context) => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    context.after(() => other.close());
    const bench = start(context);
    await bench.activate(1, configOf({ port }));
    assert.deepEqual(bench.sent.at(-1), { type: 'ready', slot: null, ports: [] });
    await new Promise((resolve) => other.close(resolve));
    await until(() => bench.sidecar.admin.port === port, { what: 'the address' });
    assert.equal((await bench.get('/healthz')).status, 503);
  });

  test('moves the admin address with a new configuration', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const before = bench.sidecar.admin.port!;
    const port = await freePort();
    await bench.activate(2, configOf({ port }));
    assert.equal(bench.sidecar.admin.port, port);
    await assert.rejects(get(before, '/healthz'), { code: 'ECONNREFUSED' });
    await bench.activate(3, configOf({ enabled: false }));
    await assert.rejects(get(port, '/healthz'), { code: 'ECONNREFUSED' });
  });

  test('replaces the socket that a killed sidecar left behind', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const again = new Sidecar({ runDirectory: bench.directory, events: noEvents, send: () => {} });
    context.after(() => again.stop());
    await again.receive({ type: 'configure', version: 1, config: configOf({}) });
    await again.receive({ type: 'activate', version: 1 });
    link({ ...bench, sidecar: again }, context, 0, configOf({}));
    await until(() => again.hub.workers.length === 1, { what: 'the link' });
  });

  test('drains: says goodbye, closes everything, then answers', async (context) => {
    const bench = start(context);
    const config = configOf({});
    await bench.activate(1, config);
    const worker = link(bench, context, 0, config);
    await until(() => worker.connected, { what: 'the link' });
    const port = bench.sidecar.admin.port!;
    await bench.sidecar.receive({ type: 'drain', deadlineMs: 1000 });
    assert.deepEqual(bench.sent.at(-1), { type: 'drained' });
    await until(() => !worker.connected, { what: 'the goodbye' });
    await assert.rejects(get(port, '/healthz'), { code: 'ECONNREFUSED' });
  });
});

describe('the admin server', () => {
  // DNS rebinding: a page at evil.example makes that name point to 127.0.0.1 and reads /api/status as its
  // own origin. The browser still says which name it asked for.
  test('answers only to its own names, with the right port', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const port = bench.sidecar.admin.port!;
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `LOCALHOST:${port}`,
      `[::1]:${port}`,
    ]) {
      assert.equal((await bench.get('/api/status', { headers: { host } })).status, 200, host);
    }
    const foreign = [
      `evil.example:${port}`,
      '127.0.0.1',
      `127.0.0.1:${port + 1}`,
      `localhost.:${port}`,
    ];
    for (const host of [
      ...foreign,
      `a@localhost:${port}`,
      `127.0.0.1:${port}, localhost:${port}`,
    ]) {
      assert.equal((await bench.get('/api/status', { headers: { host } })).status, 403, host);
    }
  });

  test('answers no request without exactly one host', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const port = bench.sidecar.admin.port!;
    const line = `Host: 127.0.0.1:${port}\r\n`;
    const statusOf = async (head: string) => {
      const client = await connectClient(port, { context });
      await client.send(`${head}\r\n`);
      return (await client.response()).status;
    };
    assert.equal(await statusOf(`GET /api/status HTTP/1.1\r\n${line}`), 200);
    assert.equal(await statusOf(`GET /api/status HTTP/1.0\r\n${line}`), 200);
    assert.equal(await statusOf('GET /api/status HTTP/1.0\r\n'), 403);
    assert.equal(await statusOf('GET /api/status HTTP/1.1\r\nHost:\r\n'), 403);
    assert.notEqual(await statusOf(`GET /api/status HTTP/1.1\r\n${line}${line}`), 200);
    assert.notEqual(await statusOf('GET /api/status HTTP/1.1\r\n'), 200);
  });

  // A page of another origin can send simple requests to 127.0.0.1; its browser adds Origin.
  test('refuses requests of other origins and sites', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const port = bench.sidecar.admin.port!;
    const statusFor = async (headers: Record<string, string>) =>
      (await bench.get('/api/status', { headers })).status;
    assert.equal(await statusFor({ origin: `http://localhost:${port}` }), 200);
    for (const origin of [
      'http://evil.example',
      'null',
      `https://localhost:${port}`,
      'http://localhost',
    ]) {
      assert.equal(await statusFor({ origin }), 403, origin);
    }
    assert.equal(await statusFor({ 'sec-fetch-site': 'cross-site' }), 403);
    assert.equal(await statusFor({ 'sec-fetch-site': 'same-origin' }), 200);
  });

  test('knows few paths and two methods, and reads no bodies', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    assert.equal((await bench.get('/')).status, 404);
    assert.equal((await bench.get('/__proto__')).status, 404);
    assert.equal((await bench.get('/healthz?x=1')).status, 503);
    const posted = await bench.get('/api/status', { method: 'POST', body: 'x'.repeat(1000) });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers['allow'], 'GET, HEAD');
    assert.equal(posted.headers['connection'], 'close');
    const head = await bench.get('/api/status', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
    assert.ok(Number(head.headers['content-length']) > 0);
    const large = { headers: { padding: 'x'.repeat(10_000) } };
    assert.equal((await bench.get('/healthz', large)).status, 431);
  });

  test('accepts only so many connections', async (context) => {
    const bench = start(context);
    await bench.activate(1, configOf({}));
    const address = { port: bench.sidecar.admin.port! } as AddressInfo;
    const { connect } = await import('node:net');
    const sockets = Array.from({ length: 80 }, () => connect(address.port, '127.0.0.1'));
    let closed = 0;
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
    }
    context.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    await until(() => closed === 16, { what: 'the surplus is closed' });
  });
});
