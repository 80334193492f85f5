// The cache end to end: real workers, sockets and peers.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { before, describe, it } from 'node:test';
import { type ClientResponse, connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { metricSum } from '../support/metrics-text.ts';
import { type HttpOrigin, startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
const WORKERS = 4;
const BIG = Buffer.alloc(1_500_000, 'big body ');

/** How often each path was asked for at the origin. */
const asked = new Map<string, number>();
/** Answers that wait until the test lets them go. */
const waiting: (() => void)[] = [];
let isDown = false;
let origin: HttpOrigin;
let sluice: Sluice;

function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const path = incoming.url!.split('?')[0]!;
  const count = (asked.get(path) ?? 0) + 1;
  asked.set(path, count);
  const send = (control: string, body: string | Buffer, fields: Record<string, string> = {}) => {
    outgoing.writeHead(200, { 'cache-control': control, ...fields });
    outgoing.end(body);
  };
  if (isDown) {
    incoming.socket.destroy();
  } else if (path.startsWith('/held/')) {
    waiting.push(() => send('max-age=600', `held ${count}`));
  } else if (path === '/own') {
    send('private', `own ${count}`);
  } else if (path === '/big') {
    send('max-age=600', BIG, { etag: '"big"' });
  } else if (path.startsWith('/greet/')) {
    send('max-age=600', 'Hello NAME, how are you?', { 'content-type': 'text/html', etag: '"g"' });
  } else if (path === '/tagged') {
    if (incoming.headers['if-none-match'] === '"t"') outgoing.writeHead(304, { etag: '"t"' }).end();
    else send('no-cache', `tagged ${count}`, { etag: '"t"' });
  } else if (path === '/brief') {
    send('max-age=0, stale-if-error=600', 'brief', { etag: `"${count}"` });
  } else {
    send('max-age=600', `${incoming.method} ${path} ${count}`);
  }
}

before(async () => {
  origin = await startHttpOrigin(answer, { context: suite });
  const upstreams = { app: { peers: [origin.url], ejection: { failuresInRow: 1000 } } };
  const cache = { statusName: 'edge', purgeFrom: ['127.0.0.1'] };
  const replaceBody = { text: [{ from: 'NAME', to: '{header.x-name}' }] };
  const routes = [
    { to: 'app', cache },
    { match: { path: '/greet/*' }, to: 'app', cache, replaceBody },
  ];
  sluice = await startSluice({ cores: WORKERS, upstreams, routes }, { context: suite });
});

const get = (target: string, fields: readonly string[] = []): Promise<ClientResponse> =>
  request(sluice.port, { target, fields });

/** What Cache-Status says, without the time to live. */
const status = (response: ClientResponse) =>
  response.header('cache-status')?.replace(/; ttl=-?\d+/, '');

describe('1,000 clients that ask for the same at once', () => {
  it('cause one request, whatever workers they are on', async () => {
    const clients = await Promise.all(
      Array.from({ length: 1000 }, () => connectClient(sluice.port, { context: suite })),
    );
    const answers = clients.map((client) =>
      client.request({ target: '/held/a', deadlineMs: 90_000 }),
    );
    await until(() => waiting.length === 1, { what: 'the one request' });
    // All the others are on their way or waiting by now: none of them may reach the origin.
    await until(async () => (await exchangesOpen()) >= 1000, {
      what: 'all requests in the proxy',
    });
    waiting.pop()!();
    const bodies = new Set((await Promise.all(answers)).map((response) => response.text()));
    assert.deepEqual([...bodies], ['held 1']);
    assert.equal(asked.get('/held/a'), 1);
    for (const client of clients) client.close();
  });
});

async function exchangesOpen(): Promise<number> {
  return metricSum((await sluice.admin('/metrics')).text, 'sluice_exchanges_open');
}

describe('a route that caches', () => {
  it('answers hits on every worker, and says so', async () => {
    const seen = new Set<string | undefined>();
    // Connections go to workers by chance: 40 of them meet all four but once in 20,000 runs.
    for (let at = 0; at < 40; at++) {
      const response = await get('/page');
      assert.match(response.text(), /^GET \/page [1-4]$/);
      seen.add(status(response));
    }
    assert.deepEqual([...seen].sort(), ['edge; fwd=uri-miss; stored', 'edge; hit']);
    assert.ok(asked.get('/page')! <= WORKERS);
  });

  it('asks again for what must be validated, and keeps the body', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    const first = await client.request({ target: '/tagged' });
    const second = await client.request({ target: '/tagged' });
    assert.equal(second.text(), first.text());
    assert.equal(status(second), 'edge; fwd=stale; fwd-status=304');
    assert.equal((await client.request({ target: '/own' })).text(), 'own 1');
    assert.equal((await client.request({ target: '/own' })).text(), 'own 2');
  });

  it('cuts parts out of a long body, and gives it whole to slow clients', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    const whole = await client.request({ target: '/big' });
    assert.ok(whole.body.equals(BIG));
    const again = await client.request({ target: '/big' });
    assert.deepEqual([status(again), again.body.equals(BIG)], ['edge; hit', true]);
    const range = ['Range: bytes=1000000-1000008'];
    const part = await client.request({ target: '/big', fields: range });
    assert.deepEqual(
      [part.status, part.body.equals(BIG.subarray(1_000_000, 1_000_009))],
      [206, true],
    );
    const same = await client.request({ target: '/big', fields: ['If-None-Match: "big"'] });
    assert.equal(same.status, 304);
    const head = await client.request({ target: '/big', method: 'HEAD' });
    assert.equal(head.header('content-length'), String(BIG.length));
    assert.equal(asked.get('/big'), 1);
  });

  it('cuts no parts out of what is changed for each client', async () => {
    for (const name of ['Ann', 'Bob']) {
      const fields = [`X-Name: ${name}`, 'Range: bytes=6-9'];
      const response = await get('/greet/a', fields);
      assert.deepEqual([response.status, response.text()], [200, `Hello ${name}, how are you?`]);
    }
    assert.match(status(await get('/greet/a'))!, /^edge; (?:hit|fwd=uri-miss)/);
  });

  it('sends a request with a body past the cache, whatever it is framed by', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    await client.request({ target: '/fat' });
    const fat = await client.request({ target: '/fat', body: 'a=evil' });
    assert.deepEqual([status(fat), asked.get('/fat')], ['edge; fwd=bypass', 2]);
    const lines = ['GET /fat HTTP/1.1', 'Host: localhost', 'Transfer-Encoding: chunked', '', ''];
    await client.send(`${lines.join('\r\n')}0\r\n\r\n`);
    assert.equal(status(await client.response()), 'edge; fwd=bypass');
    client.close();
  });

  it('goes on with what is stale while the peer is down', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    await client.request({ target: '/brief' });
    isDown = true;
    const response = await client.request({ target: '/brief' });
    isDown = false;
    assert.deepEqual([response.status, response.text()], [200, 'brief']);
    assert.match(status(response)!, /fwd=stale.*detail=stale-if-error/);
  });

  it('forgets on all workers what is purged, before it says so', async () => {
    for (let at = 0; at < 20; at++) await get('/purged');
    const before = asked.get('/purged')!;
    const purge = await request(sluice.port, { method: 'PURGE', target: '/purged' });
    assert.equal(purge.status, 200);
    for (let at = 0; at < 20; at++) {
      const count = Number((await get('/purged')).text().split(' ').at(-1));
      assert.ok(count > before, `${count} after ${before}`);
    }
  });

  it('is counted and logged', async () => {
    const page = (await sluice.admin('/metrics')).text;
    const count = (cache: string) => metricSum(page, 'sluice_cache_requests_total', { cache });
    assert.ok(count('hit') > 30 && count('collapsed') > 900 && count('miss') > 5, page);
    assert.ok(count('revalidated') >= 1 && count('stale') >= 1);
    assert.ok(metricSum(page, 'sluice_cache_stored_bytes_total') >= BIG.length);
    const lines = sluice.logLines().map((line) => JSON.parse(line) as { cache?: string });
    assert.ok(lines.some(({ cache }) => cache === 'collapsed'));
  });
});

describe('workers without the sidecar', () => {
  it('go on caching', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    const sidecar = sluice.sidecar()!;
    process.kill(sidecar, 'SIGKILL');
    const first = await client.request({ target: '/alone' });
    const second = await client.request({ target: '/alone' });
    assert.deepEqual([first.status, status(second)], [200, 'edge; hit']);
    client.close();
  });
});
