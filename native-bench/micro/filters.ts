// What each filter and stage of a route costs a request, in microseconds: the table of docs/filters-cost.md.
// Every row is a route as one would write it, compiled as a worker does. Run: node native-bench/micro/filters.ts

import { measure } from 'mitata';
import { parseConfig } from '../../src/config/parse.ts';
import type { RouteConfig } from '../../src/config/schema.ts';
import { Exchange } from '../../src/core/exchange.ts';
import type { RequestFilter, ResponseStage } from '../../src/core/filter.ts';
import type { Sink } from '../../src/core/sink.ts';
import { NOWHERE } from '../../src/routing/asked.ts';
import { Router } from '../../src/routing/router.ts';
import { attachStages } from '../../src/worker/attach-stages.ts';
import { compileErrorPages } from '../../src/worker/compile-error-pages.ts';
import { compileFilters } from '../../src/worker/compile-filters.ts';
import { compileClientStages, compilePeerStages } from '../../src/worker/compile-stages.ts';
import { Spending } from '../../src/worker/filter/limit/spending.ts';
import { HeldBody } from '../../src/worker/held-body.ts';
import { KeptParts } from '../../src/worker/kept.ts';
import type { RouteContext } from '../../src/worker/route-context.ts';

const NOWHERE_TO: Sink = { start() {}, write: () => true, end() {}, fail() {} };
const NO_PLUGINS = { filters: [], stages: [], handler: null };
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const JSON_BODY = Buffer.from(JSON.stringify({ method: 'eth_call', params: [{ to: '0x1' }] }));
const FORM = Buffer.from(
  '--b\r\ncontent-disposition: form-data; name="title"\r\n\r\na title\r\n--b\r\n' +
    'content-disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n' +
    `${'x'.repeat(8000)}\r\n--b--\r\n`,
);
const PAGE = Buffer.from('<p class="x">some text <a href="/a/b">a link</a></p>\n'.repeat(80));
const STORED_KEY = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

interface Row {
  readonly name: string;
  readonly route: object;
  /** Type and bytes of the request's body. */
  readonly body?: readonly [type: string, bytes: Buffer];
  readonly fields?: readonly string[];
  readonly status?: number;
}

const query = { remove: ['utm_*'] };
const rows: readonly Row[] = [
  { name: 'clients (address lists)', route: { clients: { deny: ['10.0.0.0/8'] } } },
  {
    name: 'filter: methods, agents, types',
    route: { filter: { methods: ['GET', 'POST'], deniedAgents: ['badbot'] } },
  },
  { name: 'filter: attacks, no body', route: { filter: { attacks: { mode: 'block' } } } },
  {
    name: `filter: attacks, JSON of ${JSON_BODY.length} bytes`,
    route: { filter: { attacks: { mode: 'block' } } },
    body: ['application/json', JSON_BODY],
  },
  {
    name: `filter: attacks, form with a file, ${FORM.length} bytes`,
    route: { filter: { attacks: { mode: 'block' } } },
    body: ['multipart/form-data; boundary=b', FORM],
  },
  { name: 'rateLimits, one window', route: { rateLimits: [{ requests: 1e9, perMs: '1s' }] } },
  {
    name: 'rateLimits, three windows',
    route: {
      rateLimits: ['1s', '1m', '1h'].map((perMs) => ({ requests: 1e9, perMs })),
    },
  },
  { name: 'concurrency', route: { concurrency: [{ key: 'address', max: 1e6 }] } },
  {
    name: 'access: API key',
    route: { access: { apiKeys: { keys: { acme: STORED_KEY } } } },
    fields: ['x-api-key', 'test'],
  },
  { name: 'access: addresses', route: { access: { addresses: ['192.0.2.0/24'] } } },
  {
    name: 'cors, a simple request',
    route: { cors: { origins: ['https://www.example.com'] } },
    fields: ['origin', 'https://www.example.com'],
  },
  { name: 'maintenance, let through', route: { maintenance: { except: ['192.0.2.0/24'] } } },
  { name: 'rewrite: stripPrefix', route: { rewrite: { stripPrefix: '/shop' } } },
  {
    name: 'rewrite: path by expression',
    route: { rewrite: { path: [{ regex: '^/shop/(\\w+)', to: '/{1}' }] } },
  },
  { name: 'rewrite: query', route: { rewrite: { query } } },
  { name: 'responseHeaders', route: { responseHeaders: { set: { 'x-a': '{client}' } } } },
  { name: 'mapBack', route: { mapBack: { location: true } } },
  {
    name: 'replaceBody, 4 KiB, a text',
    route: { replaceBody: { text: [{ from: 'link', to: 'x' }] } },
  },
  { name: 'bandwidth', route: { bandwidth: { bytesPerSecond: '1GiB' } } },
];

const base = makeConfig({});
const context: RouteContext = {
  config: base.config,
  upstreams: new Map(),
  trust: { trustsAnybody: false, has: () => false },
  responseHead: { remove: new Set(), via: null },
  routeIndexOf: () => 0,
  kept: new KeptParts(),
  events: { debug() {}, info() {}, warn() {}, error() {} },
  rateLimits: {
    spending: new Spending({ send: () => true, nowMs: () => performance.now() }),
    secret: 'x',
  },
  guard: { bodiesCut: 0 },
  cache: null,
} as Partial<RouteContext> as RouteContext;

/** A request on a route, with its response, once. */
function runner({ route: settings, body, fields = [], status = 200 }: Row): () => void {
  const { route } = makeConfig(settings);
  const pages = compileErrorPages(route.errorPages, context);
  const filters: readonly RequestFilter[] = compileFilters(route, context, NO_PLUGINS) ?? [];
  const stages: ResponseStage[] = [
    ...(compilePeerStages(route, context) ?? []),
    ...(compileClientStages(route, context, pages, NO_PLUGINS) ?? []),
  ];
  return () => {
    const exchange = makeExchange(fields, body);
    for (const filter of filters) {
      const verdict = filter.apply(exchange);
      if (verdict !== undefined) throw new Error(`${filter.name} does not let it pass`);
    }
    exchange.status = status;
    exchange.responseHeaders = ['content-type', 'text/html', 'etag', '"x"'];
    exchange.responseByteLength = -1;
    const sink = stages.length === 0 ? exchange.client : attachStages(exchange, stages, NOWHERE_TO);
    sink.start(NOTHING_BEHIND);
    sink.write(PAGE);
    sink.end();
    for (let held = exchange.held; held !== null; held = held.next) held.release();
  };
}

const NOTHING_BEHIND = { pause() {}, resume() {}, cancel() {} };

function makeExchange(fields: readonly string[], body: Row['body']): Exchange {
  const headers = ['host', 'example.com', 'accept', '*/*', 'user-agent', AGENT, ...fields];
  if (body !== undefined) headers.push('content-type', body[0]);
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: body === undefined ? 'GET' : 'POST',
    target: '/shop/shoes/42?color=red&utm_source=x',
    host: 'example.com',
    headers,
    remoteAddress: '192.0.2.7',
    body: body === undefined ? null : new HeldBody(body[1]),
    webSocket: null,
  } as const;
  return new Exchange(head, NOWHERE_TO, 0);
}

function makeConfig(settings: object) {
  const written = {
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: [{ upstream: 'app' }], ...settings }],
  };
  const config = parseConfig(written);
  return { config, route: config.routes[0] as RouteConfig };
}

/** Routing by what a JSON body says: the condition alone, the body is read already. */
function jsonRunner(): () => void {
  const router = new Router<string>({ matchers: {}, geo: NOWHERE });
  const { route } = makeConfig({ match: { json: { '/method': ['eth_call'] } } });
  router.add(route.match, 'json');
  return () => {
    const exchange = makeExchange([], ['application/json', JSON_BODY]);
    exchange.bodyFacts = { json: JSON.parse(JSON_BODY.toString()), isRead: true, isWanted: false };
    if (router.find(exchange) !== 'json') throw new Error('no route');
  };
}

async function microsOf(run: () => void): Promise<number> {
  for (let at = 0; at < 2000; at++) run();
  const { p50 } = await measure(run, { min_cpu_time: 2e8 });
  return p50 / 1000;
}

console.log('| on top of a plain route | µs per request |\n|---|--:|');
for (const row of rows) {
  const { body, fields = [] } = row;
  const plain = { name: '', route: {}, fields, ...(body === undefined ? {} : { body }) };
  const cost = (await microsOf(runner(row))) - (await microsOf(runner(plain)));
  console.log(`| ${row.name} | ${Math.max(0, cost).toFixed(2)} |`);
}
console.log(
  `| match: json, ${JSON_BODY.length} bytes | ${(await microsOf(jsonRunner())).toFixed(2)} |`,
);
