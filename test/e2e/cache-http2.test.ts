// The cache and stored encodings as HTTP/2 clients see them: many streams of one connection that want the
// same, parts, heads, conditions, purges, slow streams beside quick ones; and over HTTP/1.1 of that engine.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { before, describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { connectClient } from '../support/client.ts';
import { until, withDeadline } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
const STREAMS = 100;
const BIG = Buffer.alloc(1_500_000, 'big body ');

const asked = new Map<string, number>();
/** Answers that wait until the test lets them go. */
const waiting: (() => void)[] = [];
let port = 0;
let session: ClientHttp2Session;

before(async () => {
  const origin = await startHttpOrigin(answer, { context: suite });
  port = await freePort();
  await startSluice(
    {
      cores: 1,
      listeners: [{ host: '127.0.0.1', port, engine: 'node', http2: true }],
      upstreams: { app: { peers: [origin.url] } },
      routes: [
        { to: 'app', compress: true, cache: { statusName: 'edge', purgeFrom: ['127.0.0.1'] } },
      ],
      log: { access: 'off' },
    },
    { context: suite },
  );
  session = connect(`http://127.0.0.1:${port}`);
  suite.after(() => session.destroy());
});

function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const path = incoming.url!;
  const count = (asked.get(path) ?? 0) + 1;
  asked.set(path, count);
  const send = (control: string, type: string, body: string | Buffer) => {
    const fields = { 'cache-control': control, 'content-type': type, etag: `"${path}"` };
    const hasIt = incoming.headers['if-none-match'] === `"${path}"`;
    outgoing.writeHead(hasIt ? 304 : 200, fields).end(hasIt ? undefined : body);
  };
  if (path === '/held') waiting.push(() => send('max-age=600', 'image/png', 'held'));
  else if (path === '/big') send('max-age=600', 'image/png', BIG);
  else if (path === '/tagged') send('no-cache', 'image/png', `tagged ${count}`);
  else send('max-age=600', 'text/html', `page ${count} `.repeat(2000));
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** What Cache-Status says, without the time to live. */
  readonly cache: string | undefined;
}

function open(path: string, fields: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return session.request({ ':path': path, ...fields });
}

function read(stream: ClientHttp2Stream): Promise<Answer> {
  const reading = new Promise<Answer>((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const status = Number((headers as Record<string, unknown>)[':status']);
      const cache = headers['cache-status'] as string | undefined;
      const body = Buffer.concat(chunks);
      resolve({ status, headers, body, cache: cache?.replace(/; ttl=-?\d+/, '') });
    });
    stream.end();
  });
  return withDeadline(reading, 20_000, 'an answer');
}

const get = (path: string, fields?: OutgoingHttpHeaders) => read(open(path, fields));

describe('a cache with HTTP/2 clients', () => {
  it('fetches once for all streams that want the same', async () => {
    const answers = Array.from({ length: STREAMS }, () => get('/held'));
    await until(() => waiting.length === 1, { what: 'the one request' });
    // All others have been sent when an answer to a later stream is here.
    await get('/later');
    waiting.pop()!();
    const all = await Promise.all(answers);
    assert.deepEqual(new Set(all.map(({ body }) => body.toString())), new Set(['held']));
    const collapsed = all.filter(({ cache }) => cache?.includes('collapsed')).length;
    assert.deepEqual([collapsed, asked.get('/held')], [STREAMS - 1, 1]);
  });

  it('answers parts, heads and conditions from the stored whole, also to HTTP/1.1', async () => {
    assert.ok((await get('/big')).body.equals(BIG));
    const whole = await get('/big');
    assert.deepEqual([whole.cache, whole.body.equals(BIG)], ['edge; hit', true]);
    const part = await get('/big', { range: 'bytes=1000000-1000008' });
    assert.deepEqual(
      [part.status, part.body.toString()],
      [206, BIG.toString('latin1', 1e6, 1e6 + 9)],
    );
    const parts = await get('/big', { range: 'bytes=0-8,999999-1000007' });
    assert.match(parts.headers['content-type']!, /^multipart\/byteranges; boundary=/);
    assert.equal(parts.body.toString('latin1').split('big body ').length, 3);
    const head = await get('/big', { ':method': 'HEAD' });
    assert.deepEqual([head.headers['content-length'], head.body.length], [`${BIG.length}`, 0]);
    assert.equal((await get('/big', { 'if-none-match': '"other", W/"/big"' })).status, 304);
    assert.equal((await get('/none', { 'cache-control': 'only-if-cached' })).status, 504);
    const client = await connectClient(port, { context: suite });
    const host = `127.0.0.1:${port}`;
    assert.ok((await client.request({ host, target: '/big' })).body.equals(BIG));
    const known = ['If-None-Match: "/big"'];
    assert.equal((await client.request({ host, target: '/big', fields: known })).status, 304);
    client.close();
    assert.equal(asked.get('/big'), 1);
  });

  it('validates, and forgets what is purged', async () => {
    assert.equal((await get('/tagged')).body.toString(), 'tagged 1');
    const again = await get('/tagged');
    assert.deepEqual(
      [again.body.toString(), again.cache],
      ['tagged 1', 'edge; fwd=stale; fwd-status=304'],
    );
    await get('/purged');
    assert.equal((await get('/purged')).cache, 'edge; hit');
    assert.equal((await get('/purged', { ':method': 'PURGE' })).status, 200);
    assert.match((await get('/purged')).body.toString(), /^page 2 /);
  });

  it('gives a stored answer in the coding of each stream', async () => {
    const plain = await get('/coded');
    for (let round = 0; round < 3; round++) {
      const coded = await get('/coded', { 'accept-encoding': 'br' });
      assert.equal(coded.headers['content-encoding'], 'br');
      assert.ok(brotliDecompressSync(coded.body).equals(plain.body));
      assert.equal(coded.headers['vary'], 'accept-encoding');
    }
    assert.equal(asked.get('/coded'), 1);
  });

  it('serves other streams while one is not read', async () => {
    const slow = open('/big');
    await new Promise((resolve) => slow.once('response', resolve));
    for (let round = 0; round < 5; round++) assert.ok((await get('/big')).body.equals(BIG));
    const given = open('/big');
    await new Promise((resolve) => given.once('response', resolve));
    given.close();
    assert.ok((await read(slow)).body.equals(BIG));
  });
});
