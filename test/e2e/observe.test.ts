// What operators see of the real proxy: access log lines, metrics over all workers, health and readiness.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { connectClient, request } from '../support/client.ts';
import { DEADLINE_MS, until, withDeadline } from '../support/deadline.ts';
import { fieldValue } from '../support/http-message.ts';
import { metricSum } from '../support/metrics-text.ts';
import { answering, onEachRequest, sizedResponse, startOrigin } from '../support/origin.ts';
import { isAlive } from '../support/process-tree.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { createTempDir } from '../support/temp-dir.ts';

type LogLine = Record<string, unknown>;

async function logLines(sluice: Sluice, count: number): Promise<LogLine[]> {
  await until(() => sluice.logLines().length >= count, {
    what: `${count} access log lines`,
    evidence: () => sluice.output(),
  });
  return sluice.logLines().map((line) => JSON.parse(line) as LogLine);
}

async function page(sluice: Sluice): Promise<string> {
  const { status, text } = await sluice.admin('/metrics');
  assert.equal(status, 200);
  return text;
}

describe('access log', () => {
  it('has one line per request, with what happened to it', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('hello')), { context });
    const sluice = await startSluice(
      {
        cores: 2,
        upstreams: {
          app: { peers: [origin.url] },
          nobody: { peers: ['http://127.0.0.1:1'], retry: { retriesMax: 0 } },
        },
        routes: [
          { name: 'pages', match: { path: '/pages/*' }, to: 'app' },
          { name: 'dead', match: { path: '/dead' }, to: 'nobody' },
        ],
      },
      { context },
    );
    const { port } = sluice;
    const fields = [
      'User-Agent: a"b\\c',
      'Referer: http://x/\xc3\xa9/',
      'Authorization: Basic c2VjcmV0',
    ];
    await request(port, { method: 'POST', target: '/pages/1?q=\xc3\xa9', fields, body: 'four' });
    await request(port, { target: '/dead' });
    await request(port, { target: '/elsewhere', host: 'example.com' });
    const lines = await logLines(sluice, 3);
    assert.equal(lines.length, 3);
    const byTarget = new Map(lines.map((line) => [line['target'], line]));

    const page = byTarget.get('/pages/1?q=\xc3\xa9') ?? {};
    const received = origin.requests[0];
    assert.deepEqual(
      {
        method: page['method'],
        status: page['status'],
        route: page['route'],
        attempts: page['attempts'],
        client: page['client'],
        host: page['host'],
        bytesSent: page['bytesSent'],
        bytesReceived: page['bytesReceived'],
        userAgent: page['userAgent'],
        referer: page['referer'],
        peer: page['peer'],
        id: page['id'],
        failure: page['failure'],
      },
      {
        method: 'POST',
        status: 200,
        route: 'pages',
        attempts: 1,
        client: '127.0.0.1',
        host: 'localhost',
        bytesSent: 5,
        bytesReceived: 4,
        userAgent: 'a"b\\c',
        referer: 'http://x/\xc3\xa9/',
        peer: `app/${origin.url}`,
        id: received && fieldValue(received.fields, 'x-request-id'),
        failure: undefined,
      },
    );
    assert.ok(Number(page['durationMs']) >= Number(page['headMs']));
    assert.ok(Math.abs(Date.parse(String(page['time'])) - Date.now()) < 60_000);

    const dead = byTarget.get('/dead') ?? {};
    assert.deepEqual(
      [dead['status'], dead['failure'], dead['attempts']],
      [502, 'connect_failed', 1],
    );
    const elsewhere = byTarget.get('/elsewhere') ?? {};
    assert.deepEqual([elsewhere['status'], elsewhere['failure']], [404, 'no_route']);
    assert.doesNotMatch(sluice.stdout(), /c2VjcmV0/);
  });

  it('has a line for a client that left, as 499, not held against the peer', async (context) => {
    const origin = await startOrigin(
      onEachRequest(() => {}),
      { context },
    );
    const sluice = await startSluice(
      { cores: 1, upstreams: { app: { peers: [origin.url] } }, routes: [{ to: 'app' }] },
      { context },
    );
    const client = await connectClient(sluice.port, { context });
    await client.send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await origin.requestCount(1);
    client.reset();
    const [line] = await logLines(sluice, 1);
    assert.deepEqual([line?.['status'], line?.['failure']], [499, 'client_closed']);
    assert.equal(metricSum(await page(sluice), 'sluice_peer_failures_total'), 0);
  });

  it('writes the combined format to a file', async (context) => {
    const accessFile = createTempDir(context).file('access.log');
    const origin = await startOrigin(answering(sizedResponse('hello')), { context });
    const sluice = await startSluice(
      {
        cores: 1,
        upstreams: { app: { peers: [origin.url] } },
        routes: [{ to: 'app' }],
        log: { access: 'combined', accessFile },
      },
      { context },
    );
    await request(sluice.port, { target: '/a"b', fields: ['User-Agent: x'] });
    const read = () => readFileSync(accessFile, 'latin1');
    await until(() => read().endsWith('\n'), { what: 'a line in the file' });
    assert.match(
      read(),
      /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:]{8} \+0000\] "GET \/a\\x22b HTTP\/1\.1" 200 5 "-" "x"\n$/,
    );
    assert.equal(sluice.stdout(), '');
  });

  // The program that reads the log hangs: the proxy must not hang with it, nor grow.
  it('drops and counts lines when nobody reads, serves on, and still ends', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('')), { context });
    const sluice = await startSluice(
      { cores: 1, upstreams: { app: { peers: [origin.url] } }, routes: [{ to: 'app' }] },
      { context },
    );
    sluice.process.stdout?.pause();
    const target = `/${'x'.repeat(3500)}`;
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => connectClient(sluice.port, { context })),
    );
    const dropped = async () => metricSum(await page(sluice), 'sluice_log_lines_dropped_total');
    const startedAtMs = performance.now();
    while ((await dropped()) === 0) {
      assert.ok(performance.now() - startedAtMs < 60_000, 'lines are dropped within a minute');
      await Promise.all(
        clients.map(async (client) => {
          for (let at = 0; at < 50; at += 1) {
            assert.equal((await client.request({ target })).status, 200);
          }
        }),
      );
    }
    for (const client of clients) client.close();
    const exited = new Promise<number | null>((resolve) => sluice.process.once('exit', resolve));
    sluice.signal('SIGTERM');
    assert.equal(await withDeadline(exited, DEADLINE_MS, 'the proxy ends'), 0);
    sluice.process.stdout?.resume();
  });
});

describe('metrics', () => {
  it('add up over all workers to what was sent', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('hello')), { context });
    const sluice = await startSluice(
      {
        cores: 2,
        upstreams: { app: { peers: [origin.url] } },
        routes: [{ name: 'pages', match: { path: '/pages/*' }, to: 'app' }],
        log: { access: 'off' },
      },
      { context },
    );
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = await connectClient(sluice.port, { context });
        for (let at = 0; at < 5; at += 1) {
          await client.request({ method: 'POST', target: '/pages/a', body: 'four' });
        }
        await client.request({ target: '/none' });
        client.close();
      }),
    );
    const route = 'pages';
    const sum = (text: string) => metricSum(text, 'sluice_requests_total');
    let text = '';
    await until(
      async () => {
        text = await page(sluice);
        return sum(text) >= 240;
      },
      { what: 'all are counted' },
    );
    const numbers = {
      requests: metricSum(text, 'sluice_requests_total', { route }),
      ok: metricSum(text, 'sluice_requests_total', { route, status: '2xx' }),
      unrouted: metricSum(text, 'sluice_requests_total', { route: '(none)', status: '4xx' }),
      timed: metricSum(text, 'sluice_request_duration_seconds_count', { route }),
      infinity: metricSum(text, 'sluice_request_duration_seconds_bucket', { route, le: '+Inf' }),
      received: metricSum(text, 'sluice_request_body_bytes_total', { route }),
      sent: metricSum(text, 'sluice_response_body_bytes_total', { route }),
      attempts: metricSum(text, 'sluice_peer_attempts_total', { upstream: 'app' }),
      inFlight: metricSum(text, 'sluice_peer_attempts_in_flight', { upstream: 'app' }),
      noRoute: metricSum(text, 'sluice_failures_total', { code: 'no_route' }),
      degraded: metricSum(text, 'sluice_workers_degraded'),
    };
    assert.deepEqual(numbers, {
      requests: 200,
      ok: 200,
      unrouted: 40,
      timed: 200,
      infinity: 200,
      received: 800,
      sent: 1000,
      attempts: 200,
      inFlight: 0,
      noRoute: 40,
      degraded: 0,
    });
    for (const worker of ['0', '1']) {
      const labels = { role: 'worker', worker };
      assert.ok(metricSum(text, 'sluice_process_resident_memory_bytes', labels) > 10_000_000);
    }
  });

  it('do not fall, and health holds, when a worker is killed', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('hello')), { context });
    const sluice = await startSluice(
      { cores: 2, upstreams: { app: { peers: [origin.url] } }, routes: [{ to: 'app' }] },
      { context },
    );
    for (let at = 0; at < 30; at += 1) await request(sluice.port);
    const count = async () => metricSum(await page(sluice), 'sluice_requests_total');
    await until(async () => (await count()) === 30, { what: 'all are counted' });
    const [victim] = sluice.workers() as [number, number];
    process.kill(victim, 'SIGKILL');
    await until(() => !isAlive(victim), { what: 'the worker is gone' });
    assert.equal((await sluice.admin('/healthz')).status, 200);
    await until(() => sluice.workers().length === 2, { what: 'a new worker' });
    await sluice.untilReady();
    assert.ok(!sluice.workers().includes(victim));
    assert.equal(await count(), 30);
    await request(sluice.port);
    await until(async () => (await count()) === 31, { what: 'the next one is counted' });
  });

  it('come back complete after the sidecar was killed, and no request fails meanwhile', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('hello')), { context });
    const sluice = await startSluice(
      { cores: 2, upstreams: { app: { peers: [origin.url] } }, routes: [{ to: 'app' }] },
      { context },
    );
    for (let at = 0; at < 10; at += 1) await request(sluice.port);
    const victim = sluice.sidecar();
    assert.ok(victim !== null);
    process.kill(victim, 'SIGKILL');
    let sent = 10;
    const isBack = () => {
      const sidecar = sluice.sidecar();
      return sidecar !== null && sidecar !== victim;
    };
    await until(
      async () => {
        assert.equal((await request(sluice.port)).status, 200);
        sent += 1;
        return isBack();
      },
      { what: 'a new sidecar' },
    );
    await sluice.untilReady();
    const count = async () => metricSum(await page(sluice), 'sluice_requests_total');
    await until(async () => (await count()) === sent, { what: `${sent} requests are counted` });
  });
});
