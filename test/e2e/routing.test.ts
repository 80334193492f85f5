// Routing and rewriting as clients and peers see it: what reaches whom under which name, what is refused,
// what the proxy answers by itself, and what comes back changed.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { before, describe, it } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ClientResponse, connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const folder = createTempDir();
let sluice: Sluice;
let config: Record<string, unknown>;

before(async () => {
  suite.after(() => folder.remove());
  writeFileSync(folder.file('404.html'), '<h1>lost</h1>');
  writeFileSync(folder.file('busy.html'), 'come back later');
  const open = await startHttpOrigin(answerAs('open'), { context: suite });
  const guarded = await startHttpOrigin(answerAs('guarded'), { context: suite });
  config = {
    cores: 1,
    upstreams: {
      open: { peers: [open.url], hostHeader: 'peer' },
      guarded: { peers: [guarded.url] },
      dead: { peers: ['http://127.0.0.1:1'], retry: { retriesMax: 0 } },
    },
    matchers: { staff: { header: { 'x-staff': 'yes' } } },
    errorPages: { '404': { file: folder.file('404.html'), intercept: true } },
    routes: [
      { to: 'open' },
      { match: { path: '/admin/*' }, respond: { status: 403, body: 'no' } },
      { match: { path: '/admin/*', is: 'staff' }, to: 'guarded' },
      { match: { path: '/u/:id' }, redirect: { to: '/users/{path.id}{query}', status: 307 } },
      { match: { path: '/shut' }, close: true },
      {
        match: { path: '/busy' },
        to: 'open',
        maintenance: { bodyFile: folder.file('busy.html'), except: ['203.0.113.1'] },
      },
      {
        match: { path: '/dead' },
        to: 'dead',
        errorPages: { '5xx': { file: folder.file('busy.html') } },
      },
      {
        match: { path: '/shop/*' },
        to: 'open',
        rewrite: { stripPrefix: '/shop', query: { set: { by: '{query.who}' } } },
        requestHeaders: { set: { 'x-who': '{query.who}' }, remove: ['x-secret*'] },
        responseHeaders: { set: { 'x-for': '{client}' }, remove: ['x-noise'] },
        replaceBody: {
          html: [{ from: '/', to: '/shop/' }],
          text: [{ from: 'ACME', to: 'Sluice & Co' }],
        },
        compress: { minBytes: 1 },
      },
    ],
    tests: [{ request: 'GET http://h/admin/x', status: 403 }],
  };
  sluice = await startSluice(config, { context: suite });
});

/** Tells who it is and what it got; `/page` and `/zipped` are HTML, `/away` leads to itself. */
function answerAs(name: string) {
  return (asked: IncomingMessage, answer: ServerResponse) => {
    const { url = '' } = asked;
    answer.setHeader('x-noise', '1');
    if (url.startsWith('/away')) {
      answer.setHeader('set-cookie', 'a=b; Path=/');
      answer.writeHead(302, { location: `http://${asked.headers.host}/there` }).end();
    } else if (url.startsWith('/page') || url.startsWith('/zipped')) {
      const page = Buffer.from('<a href="/x">ACME</a>'.repeat(100));
      const zipped = url.startsWith('/zipped') ? gzipSync(page) : page;
      if (zipped !== page) answer.setHeader('content-encoding', 'gzip');
      answer.setHeader('etag', '"1"');
      answer.setHeader('accept-ranges', 'bytes');
      answer.writeHead(200, { 'content-type': 'text/html', 'content-length': zipped.length });
      answer.end(zipped);
    } else if (url.startsWith('/missing')) {
      answer.writeHead(404, { 'content-type': 'text/plain', 'x-kept': '1' }).end('nothing');
    } else {
      answer.end(JSON.stringify({ name, url, headers: asked.headers }));
    }
  };
}

function ask(target: string, ...fields: string[]): Promise<ClientResponse> {
  return request(sluice.port, { target, fields });
}

interface Echo {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

function echo({ body }: ClientResponse): Echo {
  return JSON.parse(body.toString()) as Echo;
}

describe('paths', () => {
  // Each would reach the guarded pages of a lenient server by the open route.
  const tries: readonly (readonly [string, number])[] = [
    ['/x/../admin/a', 403],
    ['//admin/a', 403],
    ['/x/%2e%2e/admin/a', 403],
    ['/%61dmin/a', 403],
    ['/x/..%2fadmin/a', 400],
    ['/x\\..\\admin/a', 400],
    ['/x/..;/admin/a', 400],
    ['/x/%252e%252e/admin/a', 400],
    ['/../admin/a', 400],
    ['/admin%00/a', 400],
  ];
  for (const [target, status] of tries) {
    it(`answers ${status} to ${JSON.stringify(target)}`, async () => {
      assert.equal((await ask(target)).status, status);
    });
  }

  it('reach peers as they were routed, queries as they were sent', async () => {
    const { url } = echo(await ask('/a/./b//c/%7Ed?x=/../%2f//'));
    assert.equal(url, '/a/b/c/~d?x=/../%2f//');
    await until(() => sluice.logLines().some((line) => line.includes('/a/./b//c/%7Ed?x=')), {
      what: 'the log line with the target as received',
    });
  });
});

describe('routes', () => {
  it('go by their conditions, and on to the next where these do not hold', async () => {
    assert.equal((await ask('/admin/a')).status, 403);
    assert.equal(echo(await ask('/admin/a', 'X-Staff: yes')).name, 'guarded');
  });

  it('redirect with what the pattern captured', async () => {
    const answer = await ask('/u/4%202?q');
    assert.equal(answer.status, 307);
    assert.equal(answer.header('location'), '/users/4%202?q');
  });

  it('close connections without a byte', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    await client.send('GET /shut HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => client.ended || client.closed, { what: 'the end of the connection' });
    assert.equal(client.received.length, 0);
  });

  it('show the maintenance page, and what it says now', async () => {
    const answer = await ask('/busy');
    assert.equal(answer.status, 503);
    assert.equal(answer.header('retry-after'), '300');
    assert.equal(answer.body.toString(), 'come back later');
    writeFileSync(folder.file('busy.html'), 'any time now');
    await until(async () => (await ask('/busy')).body.toString() === 'any time now', {
      what: 'the new page',
    });
  });

  it('show pages in place of errors, of peers and their own', async () => {
    const missing = await ask('/missing');
    assert.equal(missing.status, 404);
    assert.equal(missing.body.toString(), '<h1>lost</h1>');
    assert.equal(missing.header('content-type'), 'text/html; charset=utf-8');
    assert.equal(missing.header('x-kept'), '1');
    const dead = await ask('/dead');
    assert.equal(dead.status, 502);
    assert.match(dead.body.toString(), /come back|any time/);
    const json = await ask('/dead', 'Accept: application/json');
    assert.equal(JSON.parse(json.body.toString()).code, 'connect_failed');
  });
});

describe('rewriting', () => {
  it('changes target and fields for the peer, whatever variables hold', async () => {
    const answer = await ask('/shop/a?who=x%0d%0ax-evil:%201', 'X-Secret-Key: 1', 'X-Who: forged');
    const { url, headers } = echo(answer);
    assert.equal(url, '/a?who=x%0d%0ax-evil:%201&by=x%0D%0Ax-evil%3A%201');
    assert.equal(headers['x-who'], 'x  x-evil: 1');
    assert.equal(headers['x-evil'], undefined);
    assert.equal(headers['x-secret-key'], undefined);
    assert.equal(answer.header('x-for'), '127.0.0.1');
    assert.equal(answer.header('x-noise'), undefined);
  });

  it('maps redirects and cookies back', async () => {
    const answer = await ask('/shop/away');
    assert.equal(answer.header('location'), 'http://localhost/shop/there');
    assert.equal(answer.header('set-cookie'), 'a=b; Path=/shop/');
  });

  it('replaces in bodies, plain or encoded, and encodes them anew', async () => {
    const wanted = '<a href="/shop/x">Sluice & Co</a>'.repeat(100);
    const plain = await ask('/shop/page', 'Range: bytes=0-3');
    assert.equal(plain.status, 200);
    assert.equal(plain.body.toString(), wanted);
    assert.equal(plain.header('etag'), 'W/"1"');
    assert.equal(plain.header('accept-ranges'), undefined);
    assert.equal((await ask('/shop/zipped')).body.toString(), wanted);
    for (const target of ['/shop/page', '/shop/zipped']) {
      const zipped = await ask(target, 'Accept-Encoding: gzip');
      assert.equal(zipped.header('content-encoding'), 'gzip');
      assert.equal(gunzipSync(zipped.body).toString(), wanted);
    }
  });
});

describe('tests of routing', () => {
  it('refuse a reload that would break them', async () => {
    const tests = [{ request: 'GET http://h/admin/x', upstream: 'open' }];
    const event = await sluice.reload({ ...config, tests });
    assert.match(JSON.stringify(event), /to reach open, but it is answered with 403/);
    assert.equal((await ask('/admin/a')).status, 403);
  });
});
