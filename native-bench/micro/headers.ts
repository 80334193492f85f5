// What making the two heads costs: the fields for the peer (hop-by-hop fields out, forwarded fields in) and
// the response's without what names the backend, in nanoseconds. Run: node native-bench/micro/headers.ts

import { measure } from 'mitata';
import { Exchange } from '../../src/core/exchange.ts';
import type { RawHeaders } from '../../src/core/headers.ts';
import type { RequestHeadPolicy } from '../../src/core/plan.ts';
import { peerRequestHeaders } from '../../src/worker/filter/request-head.ts';
import { cleanResponseHead } from '../../src/worker/filter/response-head.ts';
import { Trust } from '../../src/worker/filter/trust.ts';
import { browserHeaders } from '../load/browser-headers.ts';

const browser = ['Host: app.example.com', ...browserHeaders].flatMap((line): RawHeaders => {
  const at = line.indexOf(': ');
  return [line.slice(0, at).toLowerCase(), line.slice(at + 2)];
});
const small = ['host', 'app.example.com'];
const response = [
  ...['server', 'nginx', 'date', 'Sat, 21 Nov 2026 00:00:00 GMT', 'content-type', 'text/html'],
  ...['cache-control', 'public, max-age=60', 'vary', 'accept-encoding', 'etag', '"5f3c"'],
  ...['x-content-type-options', 'nosniff', 'x-powered-by', 'something', 'x-request-id', '42'],
];

function exchangeWith(headers: RawHeaders): Exchange {
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/catalogue/shoes?page=2',
    host: 'app.example.com',
    headers,
    remoteAddress: '192.0.2.7',
    body: null,
    webSocket: null,
  } as const;
  const client = { start() {}, write: () => true, end() {}, fail() {} };
  return new Exchange(head, client, 0);
}

function policyOf(forwarded: RequestHeadPolicy['forwarded']): RequestHeadPolicy {
  return { hostHeader: 'client', trust: new Trust([]), forwarded, via: null, edits: null };
}

async function requestNs(headers: RawHeaders, forwarded: RequestHeadPolicy['forwarded']) {
  const exchange = exchangeWith(headers);
  const policy = policyOf(forwarded);
  return medianNs(() => peerRequestHeaders(exchange, policy));
}

async function responseNs(): Promise<number> {
  const exchange = exchangeWith(small);
  const policy = { remove: new Set(['server', 'x-powered-by']), via: null };
  return medianNs(() => {
    exchange.responseHeaders = response.slice();
    cleanResponseHead(exchange, policy);
  });
}

async function medianNs(once: () => unknown): Promise<number> {
  for (let turn = 0; turn < 50_000; turn += 1) once();
  return (await measure(once, { min_cpu_time: 3e8 })).p50;
}

const rows = [
  ['request, Host alone, forwarded: both', () => requestNs(small, 'both')],
  ['request, Host alone, forwarded: off', () => requestNs(small, 'off')],
  ['request, 15 browser fields, forwarded: both', () => requestNs(browser, 'both')],
  ['request, 15 browser fields, forwarded: off', () => requestNs(browser, 'off')],
  ['response, 9 fields, 2 of them removed', responseNs],
] as const;
console.log('| one head | |\n|---|--:|');
for (const [name, cost] of rows) console.log(`| ${name} | ${Math.round(await cost())} ns |`);
