// Plugins in real workers: filters at once and by promises, what becomes of errors and of promises that
// never settle, handlers whose bodies stream, and code that is exchanged under load.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { connectClient, type RequestOptions, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { metricSum } from '../support/metrics-text.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { startLoad } from '../support/steady-load.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const folder = createTempDir(suite);
const MIB = 1024 * 1024;

const FILTER = `import { definePlugin } from 'sluice/plugin';
export default definePlugin<{ readonly header: string }>({
  options: ({ header }) => ({ header: String(header) }),
  request(request, { header }) {
    if (request.path === '/refused') return { status: 403, body: \`no, \${request.clientAddress}\` };
    if (request.path === '/throw') throw new Error('on purpose');
    if (request.path === '/bad') request.setHeader('x-a', 'a\\r\\nx-b: c');
    if (request.queryValue('to') === 'b') request.upstream = 'b';
    if (request.path === '/old') request.path = '/new';
    request.state['from'] = request.path;
    request.setHeader(header, 'yes');
    request.removeHeader('x-secret');
  },
  response(response, request) {
    if (request.query === 'fail') throw new Error('on purpose');
    response.setHeader('x-from', String(request.state['from']));
    if (request.query !== 'upper') return undefined;
    const decoder = new TextDecoder();
    return { chunk: (bytes) => decoder.decode(bytes, { stream: true }).toUpperCase() };
  },
});
`;
const SLOW = `export default {
  async request(request) {
    if (request.path === '/never') await new Promise(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (request.path === '/reject') throw new Error('rejected');
    if (request.path === '/late') return { status: 418 };
    request.setHeader('x-waited', 'yes');
  },
};
`;
const HANDLER = `let seen = 0, asked = 0;
export default {
  async fetch(request, { clientAddress, capture }) {
    const { pathname } = new URL(request.url);
    if (pathname === '/h/echo') return new Response(request.body);
    if (pathname === '/h/count') return new Response(String(seen));
    if (pathname === '/h/throw') throw new Error('on purpose');
    if (pathname === '/h/break') {
      return new Response(new ReadableStream({
        pull(controller) {
          seen += 1;
          if (seen > 3) controller.error(new Error('on purpose'));
          else controller.enqueue(new Uint8Array(1000));
        },
      }));
    }
    if (pathname === '/h/endless') {
      return new Response(new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65536)),
        cancel: () => { seen = -1; },
      }));
    }
    if (pathname === '/cached/a') {
      asked += 1;
      return new Response(String(asked), { headers: { 'cache-control': 'max-age=60' } });
    }
    const body = JSON.stringify({ clientAddress, name: capture('name'), method: request.method });
    const headers = [['set-cookie', 'a=1'], ['set-cookie', 'b=2']];
    return new Response(body, { status: 201, headers });
  },
};
`;

let sluice: Sluice;

function writePlugin(name: string, text: string): string {
  writeFileSync(folder.file(name), text);
  return folder.file(name);
}

before(async () => {
  const origin = (name: string) =>
    startHttpOrigin(
      ({ url, headers }, answer) => answer.end(JSON.stringify({ name, url, headers })),
      { context: suite },
    );
  const [a, b] = [await origin('a'), await origin('b')];
  const quick = { timeoutMs: '100ms', failuresInRow: 0 };
  const slow = writePlugin('slow.mjs', SLOW);
  const broken = writePlugin(
    'broken.mjs',
    "export default { request() { throw new Error('no') } };",
  );
  sluice = await startSluice(
    {
      cores: 1,
      plugins: [
        writePlugin('filter.ts', FILTER),
        { file: slow, ...quick },
        { file: slow, name: 'lenient', onError: 'pass', ...quick },
        { file: broken, failuresInRow: 3, restMs: '1h' },
        { file: broken, name: 'bypassed', onError: 'pass', failuresInRow: 3, restMs: '1h' },
        writePlugin('handler.mjs', HANDLER),
      ],
      upstreams: { a: { peers: [a.url] }, b: { peers: [b.url] } },
      routes: [
        {
          to: [{ upstream: 'a' }, { upstream: 'b', weight: 0 }],
          plugins: [{ name: 'filter', options: { header: 'x-seen' } }],
        },
        { match: { host: 'slow.test' }, to: 'a', plugins: ['slow'] },
        { match: { host: 'lenient.test' }, to: 'a', plugins: ['lenient'] },
        { match: { host: 'broken.test' }, to: 'a', plugins: ['broken'] },
        { match: { host: 'bypassed.test' }, to: 'a', plugins: ['bypassed'] },
        { match: { path: '/h/:name' }, handler: 'handler' },
        { match: { path: '/cached/*' }, handler: 'handler', cache: {} },
      ],
      log: { access: 'off' },
    },
    { context: suite },
  );
});

async function ask(options: RequestOptions) {
  const response = await request(sluice.port, options);
  return { response, status: response.status, text: response.text() };
}

async function metric(name: string, plugin: string): Promise<number> {
  return metricSum((await sluice.admin('/metrics')).text, `sluice_plugin_${name}`, { plugin });
}

describe('a plugin that answers at once', () => {
  it('changes the request, and sees its response', async () => {
    const { response, text } = await ask({ target: '/old?x=1', fields: ['X-Secret: 1'] });
    const { name, url, headers } = JSON.parse(text);
    assert.deepEqual([name, url], ['a', '/new?x=1']);
    assert.equal(headers['x-seen'], 'yes');
    assert.equal(headers['x-secret'], undefined);
    assert.equal(response.header('x-from'), '/new');
  });

  it('chooses the upstream', async () => {
    assert.equal(JSON.parse((await ask({ target: '/?to=b' })).text).name, 'b');
    assert.equal(JSON.parse((await ask({ target: '/' })).text).name, 'a');
  });

  it('answers in place of a peer', async () => {
    const { status, text } = await ask({ target: '/refused' });
    assert.deepEqual([status, text], [403, 'no, 127.0.0.1']);
  });

  it('changes a body as it streams through', async () => {
    const { response, text } = await ask({ target: '/path?upper' });
    assert.match(text, /"URL":"\/PATH\?UPPER"/);
    assert.equal(response.header('content-length'), undefined);
  });

  it('is answered with 500 when it throws or splits a field, by name in log and metrics', async () => {
    const before = await metric('errors_total', 'filter');
    for (const target of ['/throw', '/bad', '/a?fail']) {
      const { status, text } = await ask({ target });
      assert.equal(status, 500);
      assert.ok(!text.includes('purpose'));
    }
    assert.equal(await metric('errors_total', 'filter'), before + 3);
    await sluice.untilEvent(
      ({ msg, plugin, detail }) =>
        msg === 'plugin failed' && plugin === 'filter' && String(detail).includes('filter.ts:6'),
      'the event names the line',
    );
  });
});

describe('a plugin that answers by a promise', () => {
  it('holds the request until it settles', async () => {
    const { text } = await ask({ host: 'slow.test' });
    assert.equal(JSON.parse(text).headers['x-waited'], 'yes');
    assert.equal((await ask({ host: 'slow.test', target: '/late' })).status, 418);
    assert.ok((await metric('waited_seconds_total', 'slow')) > 0);
  });

  it('is given up when its time is over, and the request refused or passed on', async () => {
    assert.equal((await ask({ host: 'slow.test', target: '/never' })).status, 500);
    const { status, text } = await ask({ host: 'lenient.test', target: '/never' });
    assert.deepEqual([status, JSON.parse(text).url], [200, '/never']);
    assert.equal(await metric('timeouts_total', 'slow'), 1);
    assert.equal(await metric('timeouts_total', 'lenient'), 1);
  });

  it('refuses or passes on what it rejects', async () => {
    assert.equal((await ask({ host: 'slow.test', target: '/reject' })).status, 500);
    assert.equal((await ask({ host: 'lenient.test', target: '/reject' })).status, 200);
  });

  it('may be left alone by a client that leaves', async () => {
    const client = await connectClient(sluice.port);
    await client.send('GET /never HTTP/1.1\r\nHost: slow.test\r\n\r\n');
    client.close();
    await until(async () => (await metric('timeouts_total', 'slow')) === 2, { what: 'its end' });
    assert.equal((await ask({ host: 'slow.test' })).status, 200);
  });
});

describe('a plugin that always fails', () => {
  it('is given a rest: requests get 503, or go on without it', async () => {
    const statuses: number[] = [];
    for (let turn = 0; turn < 5; turn++) statuses.push((await ask({ host: 'broken.test' })).status);
    assert.deepEqual(statuses, [500, 500, 500, 503, 503]);
    for (let turn = 0; turn < 5; turn++) {
      assert.equal((await ask({ host: 'bypassed.test' })).status, 200);
    }
    for (const name of ['broken', 'bypassed']) {
      assert.equal(await metric('errors_total', name), 3);
      assert.equal(await metric('skipped_total', name), 2);
    }
  });
});

describe('a handler', () => {
  it('answers with a web response', async () => {
    const { response, status, text } = await ask({ target: '/h/ada', method: 'PUT', body: 'x' });
    const expected = { clientAddress: '127.0.0.1', name: 'ada', method: 'PUT' };
    assert.deepEqual([status, JSON.parse(text)], [201, expected]);
    assert.deepEqual(response.headers('set-cookie'), ['a=1', 'b=2']);
    const head = await ask({ target: '/h/ada', method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [201, '']);
  });

  it('streams 10 MiB in and out', async () => {
    const body = Buffer.alloc(10 * MIB, 'body');
    const { status, response } = await ask({
      target: '/h/echo',
      method: 'POST',
      body,
      deadlineMs: 60_000,
    });
    assert.equal(status, 200);
    assert.ok(response.body.equals(body));
  });

  it('has its answers stored where the route caches', async () => {
    for (const expected of ['1', '1']) {
      assert.equal((await ask({ target: '/cached/a' })).text, expected);
    }
  });

  it('is answered with 500 when it throws', async () => {
    assert.equal((await ask({ target: '/h/throw' })).status, 500);
  });

  it('never ends a body cleanly that broke off', async () => {
    await assert.rejects(ask({ target: '/h/break' }));
  });

  it('is told when its client leaves', async () => {
    const client = await connectClient(sluice.port);
    await client.send('GET /h/endless HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    client.socket.destroy();
    await until(async () => (await ask({ target: '/h/count' })).text === '-1', {
      what: 'the stream is cancelled',
    });
  });
});

describe('code that changes', () => {
  it('is live without a failed request, and what was before is closed', async (context) => {
    const file = writePlugin('changing.mjs', changing(0));
    const proxy = await startSluice(
      {
        cores: 2,
        plugins: [file],
        upstreams: { app: { peers: ['http://127.0.0.1:9'] } },
        routes: [{ handler: 'changing', plugins: ['changing'] }],
        log: { access: 'off' },
      },
      { context },
    );
    const load = startLoad(proxy.port, {
      context,
      connections: 2,
      thinkMs: 5,
      isExpected: (text) => /^v\d \d+$/.test(text),
    });
    const answer = async () => (await request(proxy.port)).text();
    for (const version of [1, 2]) {
      writePlugin('changing.mjs', changing(version));
      // In both workers, with all versions before it closed; more when a rollout had to be repeated.
      let inRow = 0;
      await until(
        async () => {
          const [name, closed] = (await answer()).split(' ');
          inRow = name === `v${version}` && Number(closed) >= version ? inRow + 1 : 0;
          return inRow === 20;
        },
        { what: `version ${version} is live`, deadlineMs: 60_000, evidence: () => proxy.output() },
      );
    }
    writePlugin('changing.mjs', 'export default { fetch() { return } ');
    await proxy.untilEvent(
      ({ msg }) => String(msg).includes('refused'),
      'a mistake is refused',
      60_000,
    );
    assert.match(await answer(), /^v2 /);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(load.done > 20);
    // Who comes in the place of a dead worker runs what was checked, whatever the file says now.
    process.kill(proxy.workers()[0]!, 'SIGKILL');
    await proxy.untilEvent(({ msg }) => msg === 'child is ready again', 'another worker', 60_000);
    for (let turn = 0; turn < 20; turn++) assert.match(await answer(), /^v2 /);
  });
});

/** Says its version, and how many versions before it were closed in its worker. */
function changing(version: number): string {
  return `globalThis.closed ??= 0;
export default {
  async request() { await undefined; },
  fetch: () => new Response('v${version} ' + globalThis.closed),
  close() { globalThis.closed += 1; },
};
`;
}
