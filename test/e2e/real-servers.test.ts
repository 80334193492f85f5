// The proxy in front of real servers: nginx serving files, a Node application with SSE, Python's
// http.server. What comes through is compared with what the server says directly.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { connectClient, request } from '../support/client.ts';
import { startForeignServer } from '../support/foreign-server.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { askHttp, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
let folder: TempDir;
let sluice: Sluice;
let nginxPort = 0;
let pythonPort = 0;
let nodePort = 0;
const bigFile = randomBytes(3 * 1024 * 1024 + 17);

before(async () => {
  folder = createTempDir();
  suite.after(() => folder.remove());
  mkdirSync(folder.file('files'));
  writeFileSync(folder.file('files/hello.txt'), 'hello from a file\n');
  writeFileSync(folder.file('files/big.bin'), bigFile);
  writeFileSync(folder.file('files/tür.txt'), 'umlaut\n');
  nginxPort = await startNginx();
  pythonPort = await startPython();
  nodePort = await startNodeApplication();
  sluice = await startSluice(
    {
      cores: 2,
      upstreams: {
        nginx: { peers: [`http://127.0.0.1:${nginxPort}`] },
        python: { peers: [`http://127.0.0.1:${pythonPort}`] },
        node: { peers: [`http://127.0.0.1:${nodePort}`] },
      },
      routes: [
        { match: { host: 'nginx.test' }, to: 'nginx' },
        { match: { host: 'python.test' }, to: 'python' },
        { match: { host: 'node.test' }, to: 'node' },
      ],
    },
    { context: suite },
  );
});

describe('nginx behind the proxy', () => {
  const host = 'nginx.test';

  it('serves files whole, with their validators', async () => {
    const answer = await request(sluice.port, { host, target: '/hello.txt' });
    const direct = await request(nginxPort, { host, target: '/hello.txt' });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, direct.body);
    for (const name of ['etag', 'last-modified', 'content-type', 'accept-ranges']) {
      assert.equal(answer.header(name), direct.header(name), name);
    }
    assert.equal(answer.header('server'), undefined);
    assert.equal(answer.header('content-length'), '18');
  });

  it('serves ranges and 304 as nginx does', async () => {
    const range = { host, target: '/big.bin', fields: ['Range: bytes=100-199'] };
    const part = await request(sluice.port, range);
    assert.equal(part.status, 206);
    assert.deepEqual(part.body, bigFile.subarray(100, 200));
    const { header } = await request(sluice.port, { host, target: '/hello.txt' });
    const again = { host, target: '/hello.txt', fields: [`If-None-Match: ${header('etag')}`] };
    const unchanged = await request(sluice.port, again);
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.header('etag'), header('etag'));
    assert.equal(unchanged.body.length, 0);
  });

  it('answers HEAD with the length of GET and goes on on the same connection', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    for (let turn = 0; turn < 3; turn++) {
      const head = await client.request({ host, method: 'HEAD', target: '/big.bin' });
      assert.equal(head.header('content-length'), String(bigFile.length));
      assert.equal(head.body.length, 0);
      const get = await client.request({ host, target: '/hello.txt' });
      assert.equal(get.body.toString(), 'hello from a file\n');
    }
  });

  it('delivers a large file unchanged, many times at once', async () => {
    const expected = createHash('sha256').update(bigFile).digest('hex');
    const sums = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answer = await request(sluice.port, { host, target: '/big.bin' });
        return createHash('sha256').update(answer.body).digest('hex');
      }),
    );
    assert.deepEqual(new Set(sums), new Set([expected]));
  });

  it('passes encoded paths, queries and errors byte for byte', async () => {
    const found = await request(sluice.port, { host, target: '/t%C3%BCr.txt?q=%2F&%C3%BC' });
    assert.equal(found.body.toString(), 'umlaut\n');
    const missing = await request(sluice.port, { host, target: '/no/such%20one%3F' });
    const direct = await request(nginxPort, { host, target: '/no/such%20one%3F' });
    assert.equal(missing.status, direct.status);
    assert.deepEqual(missing.body, direct.body);
  });
});

describe("Python's http.server behind the proxy", () => {
  const host = 'python.test';

  it('serves listings and files of an HTTP/1.0 server that closes each connection', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    for (let turn = 0; turn < 3; turn++) {
      const listing = await client.request({ host });
      assert.equal(listing.status, 200);
      assert.match(listing.body.toString(), /hello\.txt/);
      const file = await client.request({ host, target: '/hello.txt' });
      assert.equal(file.body.toString(), 'hello from a file\n');
    }
    const big = await client.request({ host, target: '/big.bin' });
    assert.ok(big.body.equals(bigFile));
  });

  it('passes its refusal of POST through', async () => {
    const answer = await request(sluice.port, { host, method: 'POST', body: 'x=1' });
    assert.equal(answer.status, 501);
  });
});

describe('a Node application behind the proxy', () => {
  const host = 'node.test';

  it('receives bodies of every kind and answers with what it got', async () => {
    const body = randomBytes(300_000);
    const sized = await request(sluice.port, { host, method: 'PUT', target: '/sum', body });
    const sum = createHash('sha256').update(body).digest('hex');
    assert.equal(sized.body.toString(), `300000 ${sum} 300000`);
    const client = await connectClient(sluice.port, { context: suite });
    await client.send(
      `POST /sum HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n` +
        '4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n',
    );
    const chunked = await client.response();
    const wikipedia = createHash('sha256').update('Wikipedia').digest('hex');
    assert.equal(chunked.body.toString(), `9 ${wikipedia} chunked`);
  });

  it('knows the client, the host and the entry point', async () => {
    const answer = await request(sluice.port, {
      host,
      target: '/headers',
      fields: ['X-Forwarded-For: 6.6.6.6', 'Cookie: a=b'],
    });
    const seen = JSON.parse(answer.body.toString());
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-real-ip'], '127.0.0.1');
    assert.equal(seen['x-forwarded-port'], String(sluice.port));
    assert.equal(seen.forwarded, 'for=127.0.0.1;host=node.test;proto=http');
    assert.equal(seen.host, host);
    assert.equal(seen.cookie, 'a=b');
    assert.equal(answer.header('x-powered-by'), undefined);
    assert.deepEqual(answer.headers('set-cookie'), ['one=1', 'two=2']);
  });

  it('sends events that arrive as they are sent', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    const startedAtMs = performance.now();
    await client.send(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await client.readUntil((bytes) => bytes.includes('data: 1\n'), 'the first event');
    console.log(`first event after ${(performance.now() - startedAtMs).toFixed(1)} ms`);
    // The application sends the next event only when it is told to, so nothing can be batched.
    for (let turn = 2; turn <= 4; turn++) {
      await askHttp(nodePort, '/next');
      await client.readUntil((bytes) => bytes.includes(`data: ${turn}\n`), `event ${turn}`);
      assert.ok(!client.received.includes(`data: ${turn + 1}\n`));
    }
  });
});

async function startNginx(): Promise<number> {
  const port = await freePort();
  const config = folder.file('nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; user root; pid ${folder.file('nginx.pid')}; error_log stderr;
     events {} http { access_log off; types { text/plain txt; }
     client_body_temp_path ${folder.file('body')}; proxy_temp_path ${folder.file('proxy')};
     fastcgi_temp_path ${folder.file('f')}; uwsgi_temp_path ${folder.file('u')};
     scgi_temp_path ${folder.file('s')};
     server { listen 127.0.0.1:${port}; charset_types *; root ${folder.file('files')}; } }`,
  );
  const isUp = () => isServed(port);
  await startForeignServer('nginx', ['-c', config], { context: suite, isUp });
  return port;
}

async function startPython(): Promise<number> {
  const port = await freePort();
  const args = ['-m', 'http.server', String(port), '--bind', '127.0.0.1'];
  const isUp = () => isServed(port);
  await startForeignServer('python3', args, { context: suite, cwd: folder.file('files'), isUp });
  return port;
}

async function startNodeApplication(): Promise<number> {
  let sendNext: () => void = () => {};
  const origin = await startHttpOrigin(
    (incoming, answer) => {
      if (incoming.url === '/events') {
        answer.writeHead(200, { 'content-type': 'text/event-stream' });
        let count = 0;
        sendNext = () => answer.write(`data: ${++count}\n\n`);
        sendNext();
      } else if (incoming.url === '/next') {
        sendNext();
        answer.end();
      } else if (incoming.url === '/headers') {
        answer.writeHead(200, { 'x-powered-by': 'Express', 'set-cookie': ['one=1', 'two=2'] });
        answer.end(JSON.stringify(incoming.headers));
      } else {
        const sum = createHash('sha256');
        let length = 0;
        incoming.on('data', (chunk: Buffer) => {
          sum.update(chunk);
          length += chunk.length;
        });
        incoming.on('end', () => {
          const framing =
            incoming.headers['transfer-encoding'] ?? incoming.headers['content-length'];
          answer.end(`${length} ${sum.digest('hex')} ${framing}`);
        });
      }
    },
    { context: suite },
  );
  return origin.port;
}

function isServed(port: number): Promise<boolean> {
  return askHttp(port, '/hello.txt').then(
    ({ status }) => status === 200,
    () => false,
  );
}
