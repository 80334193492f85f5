// Pages in place of errors: of the proxy itself, of peers where that is asked, from files and from an
// upstream; who gets them, and what stays as it was.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type ClientResponse, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const folder = createTempDir();
let sluice: Sluice;
/** Worth compressing. */
const PADDED = 1000;
let asked = 0;
/** What the upstream of the pages says. */
let sorry = 'sorry for {status}';
let pagesStatus = 200;

function answer(request: IncomingMessage, response: ServerResponse): void {
  asked += 1;
  const status = Number(/\d{3}/.exec(request.url ?? '')?.[0] ?? 200);
  const fields = { 'content-type': 'text/plain', etag: '"x"', 'x-kept': '1' };
  response.writeHead(status, { ...fields, 'cache-control': 'max-age=100' });
  response.end(`the peer says ${status}`);
}

before(async () => {
  suite.after(() => folder.remove());
  const lostPage = '<b>{status} {reason} {path} {host} {nobody}</b>{';
  writeFileSync(folder.file('lost.html'), lostPage.padEnd(PADDED));
  writeFileSync(folder.file('busy.json'), '{"busy":true,"id":"{request_id}"}');
  const app = await startHttpOrigin(answer, { context: suite });
  const pages = await startHttpOrigin((_, response) => response.writeHead(pagesStatus).end(sorry), {
    context: suite,
  });
  const lost = { file: folder.file('lost.html'), variables: true };
  const busy = {
    file: folder.file('busy.json'),
    contentType: 'application/json',
    variables: true,
  };
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: {
        app: { peers: [app.url] },
        dead: { peers: ['http://127.0.0.1:1'], retry: { retriesMax: 0 } },
        pages: { peers: [pages.url] },
      },
      errorPages: {
        '404': lost,
        '5xx': { upstream: 'pages', path: '/sorry.html', refreshMs: '1s', variables: true },
      },
      routes: [
        { match: { path: '/app/*' }, to: 'app' },
        {
          match: { path: '/taken/*' },
          to: 'app',
          errorPages: { '4xx': { ...lost, intercept: true } },
          cache: {},
          compress: { minBytes: 1 },
        },
        {
          match: { path: '/dead/*' },
          to: 'dead',
          responseHeaders: { set: { 'x-frame-options': 'DENY' }, always: true },
        },
        { match: { path: '/json/*' }, to: 'dead', errorPages: { '502': busy } },
        {
          match: { path: '/plain/*' },
          to: 'dead',
          responseHeaders: { set: { 'x-frame-options': 'DENY' } },
        },
        { match: { path: '/guarded/*' }, to: 'app', clients: { deny: ['127.0.0.1'] } },
      ],
    },
    { context: suite },
  );
});

function ask(target: string, ...fields: string[]): Promise<ClientResponse> {
  return request(sluice.port, { target, fields, host: 'a"<b' });
}

function seen({ status, body }: ClientResponse): string {
  return `${status} ${body}`.trimEnd();
}

describe('error pages', () => {
  it('stand in for own answers, requests without a route included', async () => {
    const lost = await request(sluice.port, { target: '/nowhere?a', host: 'h' });
    assert.equal(seen(lost), '404 <b>404 Not Found /nowhere h {nobody}</b>{');
    assert.equal(lost.header('content-type'), 'text/html; charset=utf-8');
    assert.equal(lost.header('cache-control'), 'no-store');
  });

  it('let nothing that a client says become markup', async () => {
    const target = `/x'"%3Cscript%3E<i>`;
    const lost = await request(sluice.port, { target, host: 'h' });
    assert.equal(lost.status, 404);
    assert.doesNotMatch(lost.body.toString(), /['"]|<i>|<script/);
  });

  it('come from an upstream, and stay while that is away', async () => {
    const page = async () => seen(await request(sluice.port, { target: '/dead/a' }));
    await until(async () => (await page()) === '502 sorry for 502', { what: 'the page' });
    sorry = 'another page';
    await until(async () => (await page()) === '502 another page', { what: 'the new page' });
    pagesStatus = 500;
    await sluice.untilEvent(({ msg }) => msg === 'no page for errors', 'the problem');
    assert.equal(await page(), '502 another page');
  });

  it('leave the answers of peers alone, but where they are to stand in for these', async () => {
    const own = await request(sluice.port, { target: '/app/404' });
    assert.equal(seen(own), '404 the peer says 404');
    const taken = await request(sluice.port, { target: '/taken/404', host: 'h' });
    assert.equal(seen(taken), '404 <b>404 Not Found /taken/404 h {nobody}</b>{');
    assert.equal(taken.header('x-kept'), '1');
    assert.equal(taken.header('etag'), undefined);
    // A page with variables is for one client.
    assert.equal(taken.header('cache-control'), 'no-store');
    assert.equal(
      seen(await request(sluice.port, { target: '/taken/503' })),
      '503 the peer says 503',
    );
  });

  it('are made anew for each client, whatever the cache has', async () => {
    const before = asked;
    const first = await request(sluice.port, { target: '/taken/410', host: 'h' });
    const second = await request(sluice.port, {
      ...{ target: '/taken/410', host: 'h' },
      fields: ['accept-encoding: gzip'],
    });
    const json = await request(sluice.port, {
      ...{ target: '/taken/410', host: 'h' },
      fields: ['accept: application/json'],
    });
    assert.equal(asked - before, 1);
    assert.equal(seen(first), '410 <b>410 Gone /taken/410 h {nobody}</b>{');
    assert.equal(second.header('content-encoding'), 'gzip');
    assert.equal(gunzipSync(second.body).toString(), first.body.toString());
    assert.equal(seen(json), '410 the peer says 410');
    assert.equal(json.header('cache-control'), 'max-age=100');
  });

  it('have no body for HEAD, only its length', async () => {
    for (const target of ['/nowhere', '/taken/404']) {
      const get = await request(sluice.port, { target, host: 'h' });
      const head = await request(sluice.port, { target, host: 'h', method: 'HEAD' });
      assert.equal(head.status, 404);
      assert.equal(head.body.length, 0);
      assert.equal(head.header('content-length'), String(get.body.length));
    }
  });

  it('are not for programs, unless they are JSON', async () => {
    const own = await ask('/dead/a', 'accept: application/json');
    assert.equal(own.status, 400);
    const plain = await request(sluice.port, {
      target: '/dead/a',
      fields: ['accept: application/json'],
    });
    assert.equal(JSON.parse(plain.body.toString()).code, 'connect_failed');
    const busy = await request(sluice.port, {
      target: '/json/a',
      fields: ['accept: application/json'],
    });
    assert.equal(JSON.parse(busy.body.toString()).busy, true);
  });
});

describe('edits of response fields', () => {
  it('reach own answers where that is asked', async () => {
    const edited = await request(sluice.port, { target: '/dead/a' });
    assert.equal(edited.header('x-frame-options'), 'DENY');
    const plain = await request(sluice.port, { target: '/plain/a' });
    assert.equal(plain.header('x-frame-options'), undefined);
  });
});
