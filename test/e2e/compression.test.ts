// Compression as clients see it: real tools decode what the proxy sends, small and large, at once and slowly;
// counted, logged, and cheap to abandon.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { brotliCompressSync } from 'node:zlib';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { requireCommand } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { metricSum } from '../support/metrics-text.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { page } from '../unit/worker/compress/bodies.ts';

const run = promisify(execFile);
const suite = suiteCleanup();
const curl = requireCommand('curl');
/** Of the slow answer: each line is asked for when the one before has reached the client. */
let nextLine = () => {};
let answersAborted = 0;
/** Accept-Encoding of what reached the peer under `/kept/`; '-' for none. */
const keptAsked: string[] = [];
let port = 0;
/** Of the engine that speaks HTTP/2. */
let nodePort = 0;
let sluice: Sluice;

before(async () => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  suite.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port: peerPort } = server.address() as AddressInfo;
  [port, nodePort] = [await freePort(), await freePort()];
  const listeners = [
    { host: '127.0.0.1', port },
    { host: '127.0.0.1', port: nodePort, engine: 'node', http2: true },
  ];
  sluice = await startSluice(
    {
      cores: 2,
      listeners,
      upstreams: { app: { peers: [`http://127.0.0.1:${peerPort}`] } },
      routes: [
        { to: 'app', compress: true },
        { match: { path: '/plain/*' }, to: 'app' },
        {
          match: { path: '/kept/*' },
          to: 'app',
          compress: true,
          cache: { lifetimesMs: { 200: '60s' } },
        },
      ],
    },
    { context: suite },
  );
});

/** `/BYTES` with a length, `/chunked/BYTES` without; `/encoded` in brotli, asked for or not. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? '';
  response.on('close', () => {
    if (!response.writableFinished) answersAborted += 1;
  });
  if (url.startsWith('/kept/')) {
    keptAsked.push(String(request.headers['accept-encoding'] ?? '-'));
  }
  const type = url.startsWith('/events') ? 'text/event-stream' : 'text/html';
  response.setHeader('content-type', type).setHeader('etag', '"v1"');
  if (url === '/slow' || url === '/events') {
    let lines = 0;
    nextLine = () => {
      lines += 1;
      if (lines > 3) response.end();
      else response.write(`line ${lines}\n`);
    };
    nextLine();
  } else if (url === '/encoded') {
    response.setHeader('content-encoding', 'br').end(brotliCompressSync(page(50_000)));
  } else if (request.headers['if-none-match']?.includes('"v1"') === true) {
    response.writeHead(304).end();
  } else {
    const body = page(Number(url.split('/').at(-1)));
    if (!url.includes('chunked')) response.setHeader('content-length', body.length);
    response.write(body.subarray(0, 3000));
    response.end(body.subarray(3000));
  }
}

async function fetchRaw(path: string, encoding: string, args: readonly string[] = [], at = port) {
  const url = `http://127.0.0.1:${at}${path}`;
  const all = ['-s', '-i', '-H', `accept-encoding: ${encoding}`, ...args, url];
  const { stdout } = await run(curl, all, { encoding: 'buffer', maxBuffer: 1 << 26 });
  const end = stdout.indexOf('\r\n\r\n');
  const head = stdout.subarray(0, end).toString('latin1').toLowerCase();
  return { head, body: stdout.subarray(end + 4) };
}

describe('compression', () => {
  const wires = [
    { name: 'HTTP/1.1', args: ['--http1.1'], at: () => port },
    { name: 'HTTP/2', args: ['--http2-prior-knowledge'], at: () => nodePort },
  ];
  for (const path of ['/5000', '/chunked/5000', '/200000', '/chunked/2000000', '/3000000']) {
    for (const { name, args, at } of wires) {
      it(`sends ${path} by ${name} so that gunzip and curl read it`, async () => {
        const expected = page(Number(path.split('/').at(-1)));
        const { head, body } = await fetchRaw(path, 'gzip', args, at());
        assert.match(head, name === 'HTTP/2' ? /^http\/2 200/ : /^http\/1.1 200/);
        assert.match(head, /\r\ncontent-encoding: gzip\r\n/);
        assert.match(head, /\r\netag: w\/"v1"\r\n/);
        assert.match(head, /\r\nvary: accept-encoding\r\n/);
        assert.ok(body.length < expected.length / 4);
        const plain = execFileSync('gunzip', ['-c'], { input: body, maxBuffer: 1 << 26 });
        assert.ok(plain.equals(expected));
        for (const coding of ['br', 'zstd']) {
          const decoded = await fetchRaw(path, coding, ['--compressed', ...args], at());
          assert.match(decoded.head, new RegExp(`\\r\\ncontent-encoding: ${coding}\\r\\n`));
          assert.ok(decoded.body.equals(expected));
        }
      });
    }
  }

  it('leaves alone who does not ask, and routes that do not want it', async () => {
    for (const [path, encoding] of [
      ['/5000', 'identity'],
      ['/plain/5000', 'gzip'],
      ['/500', 'gzip'],
    ] as const) {
      const { head, body } = await fetchRaw(path, encoding);
      assert.doesNotMatch(head, /content-encoding/);
      assert.match(head, /\r\netag: "v1"\r\n/);
      assert.ok(body.equals(page(Number(path.split('/').at(-1)))));
    }
  });

  it('answers HEAD and revalidation as it answers GET', async () => {
    const { head, body } = await fetchRaw('/5000', 'gzip', ['-I']);
    assert.match(head, /\r\ncontent-encoding: gzip\r\n/);
    assert.match(head, /\r\netag: w\/"v1"\r\n/);
    assert.doesNotMatch(head, /content-length/);
    assert.equal(body.length, 0);
    const again = await fetchRaw('/5000', 'gzip', ['-H', 'if-none-match: W/"v1"']);
    assert.match(again.head, /^http\/1.1 304 /);
    assert.match(again.head, /\r\netag: w\/"v1"(?:\r\n|$)/);
    assert.match(again.head, /\r\nvary: accept-encoding(?:\r\n|$)/);
  });

  it('decodes what the client did not ask for', async () => {
    const plain = await fetchRaw('/encoded', 'identity');
    assert.doesNotMatch(plain.head, /content-encoding/);
    assert.ok(plain.body.equals(page(50_000)));
    const recoded = await fetchRaw('/encoded', 'gzip', ['--compressed']);
    assert.match(recoded.head, /\r\ncontent-encoding: gzip\r\n/);
    assert.ok(recoded.body.equals(page(50_000)));
    const asIs = await fetchRaw('/encoded', 'br');
    assert.ok(asIs.body.equals(brotliCompressSync(page(50_000))));
  });

  it('gives a client each line of a slow answer when it comes', async () => {
    const url = `http://127.0.0.1:${port}/slow`;
    const response = await fetch(url, { headers: { 'accept-encoding': 'br' } });
    assert.equal(response.headers.get('content-encoding'), 'br');
    let text = '';
    for await (const chunk of response.body!) {
      text += Buffer.from(chunk).toString();
      if (text.endsWith('\n')) nextLine();
    }
    assert.equal(text, 'line 1\nline 2\nline 3\n');
  });

  it('leaves events alone', async () => {
    const client = await connectClient(port, { context: suite });
    await client.send('GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br, zstd\r\n\r\n');
    for (let line = 1; line <= 3; line++) {
      const isHere = () => client.received.includes(`line ${line}\n`);
      await until(isHere, { what: `line ${line} is there` });
      nextLine();
    }
    const response = await client.response();
    assert.equal(response.header('content-encoding'), undefined);
    assert.match(response.text(), /line 1\nline 2\nline 3\n$/);
  });

  it('gives everything up when the client leaves', async () => {
    const before = answersAborted;
    const client = await connectClient(port, { context: suite });
    await client.send('GET /slow HTTP/1.1\r\nHost: a\r\nAccept-Encoding: zstd\r\n\r\n');
    await until(() => client.received.length > 0, {
      what: 'the head and the first line are there',
    });
    client.socket.destroy();
    await until(() => answersAborted > before, { what: 'the peer is told' });
  });

  it('serves every client of a stored answer in its own coding, from one fetch', async () => {
    const expected = page(200_000);
    for (let round = 0; round < 4; round++) {
      for (const encoding of ['br', 'gzip', 'identity', 'zstd;q=0.5, gzip;q=0.1']) {
        const { head, body } = await fetchRaw('/kept/200000', encoding, ['--compressed']);
        const coding = /\r\ncontent-encoding: (\w+)/.exec(head)?.[1] ?? 'identity';
        assert.equal(coding, encoding.split(';')[0]);
        assert.match(head, /\r\nvary: accept-encoding(?:\r\n|$)/);
        assert.ok(body.equals(expected));
      }
    }
    const range = await fetchRaw('/kept/200000', 'br', ['-r', '100-199']);
    assert.match(range.head, /^http\/1.1 206 /);
    assert.doesNotMatch(range.head, /content-encoding/);
    assert.ok(range.body.equals(expected.subarray(100, 200)));
    // Two workers, each with a cache of its own, share what was fetched.
    assert.ok(keptAsked.length <= 2, `${keptAsked.length} fetches`);
    assert.ok(keptAsked.every((asked) => asked === '-'));
  });

  it('is counted by coding, and logged', async () => {
    const { text } = await sluice.admin('/metrics');
    for (const coding of ['gzip', 'br', 'zstd']) {
      const responses = metricSum(text, 'sluice_compressed_responses_total', { coding });
      const bytesIn = metricSum(text, 'sluice_compression_in_bytes_total', { coding });
      const bytesOut = metricSum(text, 'sluice_compression_out_bytes_total', { coding });
      assert.ok(responses >= 5, `${coding}: ${responses}`);
      assert.ok(bytesIn > 5_000_000 && bytesOut > 0 && bytesOut < bytesIn / 4);
    }
    assert.equal(metricSum(text, 'sluice_decoded_responses_total', { outcome: 'decoded' }), 2);
    assert.ok(metricSum(text, 'sluice_offloaded_tasks_total', { outcome: 'done' }) >= 3);
    const isLogged = () => /"encoding":"br","plainBytes":5000,/.test(sluice.stdout());
    await until(isLogged, { what: 'the log names coding and length' });
  });
});
