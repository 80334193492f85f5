// What conditions, rewriting and answers of a route cost a request, in microseconds: the table that stands in
// docs/rewriting.md. Run: node native-bench/micro/rewriting.ts

import { measure } from 'mitata';
import { Exchange } from '../../src/core/exchange.ts';
import type { Sink } from '../../src/core/sink.ts';
import { NOWHERE } from '../../src/routing/asked.ts';
import { compileConditions } from '../../src/routing/conditions.ts';
import { anyRequest, type RouteMatch } from '../../src/routing/match.ts';
import { safeTargetPolicy } from '../../src/routing/target-policy.ts';
import { Redirect } from '../../src/worker/filter/answer/redirect.ts';
import { Maintenance, Respond } from '../../src/worker/filter/answer/respond.ts';
import { compileHeaderEdits } from '../../src/worker/filter/rewrite/header-edits.ts';
import { MapBack } from '../../src/worker/filter/rewrite/map-back.ts';
import { ReplaceBody } from '../../src/worker/filter/rewrite/replace-body.ts';
import { RewriteTarget } from '../../src/worker/filter/rewrite/rewrite-target.ts';

const NOWHERE_TO: Sink = { start() {}, write: () => true, end() {}, fail() {} };
const PAGE = Buffer.from('<p class="x">some text <a href="/a/b">a link</a></p>\n'.repeat(315));

function makeExchange(): Exchange {
  const headers = ['host', 'example.com', 'accept', '*/*', 'cookie', 'a=b; beta=1', 'x-beta', '1'];
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/api/users/42?tab=a&utm_source=x',
    host: 'example.com',
    headers,
    remoteAddress: '192.0.2.7',
    body: null,
    webSocket: null,
  } as const;
  const exchange = new Exchange({ ...head, headers }, NOWHERE_TO, 0);
  exchange.status = 200;
  exchange.responseHeaders = [
    'content-type',
    'text/html',
    'etag',
    '"x"',
    'set-cookie',
    'a=b; path=/',
  ];
  exchange.responseByteLength = PAGE.byteLength;
  return exchange;
}

const query = { remove: [], set: {}, add: {}, append: {} };
const noRewrite = { stripPrefix: null, addPrefix: null, path: [], query };
const noEdits = { remove: [], set: {}, add: {}, append: {} };
const body = () => PAGE;

function condition(match: Partial<RouteMatch>): (exchange: Exchange) => unknown {
  const { condition } = compileConditions(
    { ...anyRequest, ...match },
    { matchers: {}, geo: NOWHERE },
  );
  return (exchange) => condition!(exchange);
}

function rewrite(settings: object): (exchange: Exchange) => unknown {
  const filter = new RewriteTarget({ ...noRewrite, ...settings }, safeTargetPolicy);
  return (exchange) => filter.apply(exchange);
}

function replace(settings: object): (exchange: Exchange) => unknown {
  const none = { types: ['text/html'], html: [], text: [], regex: [] };
  const stage = new ReplaceBody({ ...none, ...settings }, () => null);
  return (exchange) => {
    const sink = stage.attach(exchange, NOWHERE_TO);
    sink.write(PAGE);
    sink.end();
  };
}

const redirect = new Redirect({ to: 'https://{host}{path}{query}', status: 308 });
const respond = new Respond({ status: 200, headers: { 'content-type': 'text/plain' } }, body);
const maintenance = new Maintenance(
  { retryAfterMs: 1000, contentType: 'a/b', except: ['10.0.0.0/8', '192.0.2.7'] },
  body,
);
const edits = compileHeaderEdits({
  ...noEdits,
  set: { 'x-client': '{client}' },
  remove: ['x-a', 'x-b'],
})!;
const mapBack = new MapBack({
  origins: new Set(['http://10.0.0.1']),
  location: true,
  stripPrefix: '/api',
  addPrefix: null,
  cookieDomain: {},
  cookiePath: {},
});

const rows: readonly (readonly [string, (exchange: Exchange) => unknown])[] = [
  ['nothing (a new exchange)', () => null],
  ['match: header', condition({ header: { 'x-beta': ['1'] } })],
  ['match: header by expression', condition({ header: { 'x-beta': ['~^[0-9]$'] } })],
  ['match: cookie', condition({ cookie: { beta: ['1'] } })],
  ['match: query', condition({ query: { tab: ['a'] } })],
  ['match: client', condition({ client: ['10.0.0.0/8', '192.0.2.0/24'] })],
  ['redirect', (exchange) => redirect.apply(exchange)],
  ['respond', (exchange) => respond.apply(exchange)],
  ['maintenance, let through', (exchange) => maintenance.apply(exchange)],
  ['rewrite: stripPrefix', rewrite({ stripPrefix: '/api' })],
  [
    'rewrite: path by expression',
    rewrite({ path: [{ regex: '^/api/users/([0-9]+)', to: '/u/{1}' }] }),
  ],
  ['rewrite: query', rewrite({ query: { ...query, remove: ['utm_*'] } })],
  ['header edits', (exchange) => edits.apply(exchange.requestHeaders, exchange)],
  ['mapBack', (exchange) => mapBack.attach(exchange, NOWHERE_TO)],
  ['replaceBody, 16 KiB: text', replace({ text: [{ from: 'link', to: 'LINK' }] })],
  [
    'replaceBody, 16 KiB: html',
    replace({ html: [{ tags: [], attributes: ['href'], from: '/', to: '/x/' }] }),
  ],
  ['replaceBody, 16 KiB: regex', replace({ regex: [{ regex: 'li(n)k', to: '{1}' }] })],
];

console.log('| one request | |\n|---|--:|');
let nothing = 0;
for (const [name, run] of rows) {
  const once = () => run(makeExchange());
  for (let at = 0; at < 500; at++) once();
  const { p50 } = await measure(once, { min_cpu_time: 2e8 });
  if (nothing === 0) nothing = p50;
  const cost = name.startsWith('nothing') ? p50 : p50 - nothing;
  console.log(`| ${name} | ${(cost / 1000).toFixed(2)} µs |`);
}
