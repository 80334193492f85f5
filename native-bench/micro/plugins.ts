// What a plugin costs a request, in microseconds: the table that stands in docs/plugins.md.
// Run: node native-bench/micro/plugins.ts

import { measure } from 'mitata';
import { Exchange } from '../../src/core/exchange.ts';
import type { RequestFilter } from '../../src/core/filter.ts';
import type { Sink } from '../../src/core/sink.ts';
import { PluginNumbers } from '../../src/observe/plugin-numbers.ts';
import type { Plugin } from '../../src/plugin/define-plugin.ts';
import { safeTargetPolicy } from '../../src/routing/target-policy.ts';
import { PluginFilter } from '../../src/worker/plugin/plugin-filter.ts';
import { PluginStage } from '../../src/worker/plugin/plugin-stage.ts';
import { PluginUnit } from '../../src/worker/plugin/plugin-unit.ts';

const NOWHERE_TO: Sink = { start() {}, write: () => true, end() {}, fail() {} };
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const route = { name: 'r', policy: safeTargetPolicy, plans: new Map() };
const FIELDS = ['host', 'example.com', 'accept', '*/*', 'user-agent', 'curl/8', 'x-tenant', 'blue'];

function makeExchange(): Exchange {
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/shop/shoes/42?color=red',
    host: 'example.com',
    headers: FIELDS.slice(),
    remoteAddress: '192.0.2.7',
    body: null,
    webSocket: null,
  } as const;
  return new Exchange(head, NOWHERE_TO, 0);
}

function unitOf(plugin: Plugin): PluginUnit {
  const settings = {
    name: 'p',
    timeoutMs: 1000,
    blockedMs: 10,
    onError: 'refuse',
    failuresInRow: 20,
    restMs: 5000,
  } as const;
  return new PluginUnit({ plugin, settings, numbers: new PluginNumbers(), events: quiet });
}

function filterOf(request: NonNullable<Plugin['request']>): RequestFilter {
  return new PluginFilter(unitOf({ request }), route, {});
}

const exchange = makeExchange();
const none: { filters: readonly RequestFilter[] | null } = { filters: null };
const trivial = filterOf(() => undefined);
const reading = filterOf((request) => {
  return request.header('x-tenant') === undefined ? { status: 403 } : undefined;
});
const setting = filterOf((request) => {
  request.setHeader('x-tenant', 'green');
  return undefined;
});
const moving = filterOf((request) => {
  request.path = '/shop/shoes/43';
  return undefined;
});
const waiting = filterOf(async () => undefined);
const stage = new PluginStage(
  unitOf({
    response(response) {
      response.setHeader('x-served-by', 'p');
      return undefined;
    },
  }),
  route,
  {},
  { decode: () => null, replyFor: () => ({ status: 500, headers: [], body: new Uint8Array(0) }) },
);

const rows: readonly (readonly [string, () => unknown])[] = [
  ['no plugin', () => (none.filters === null ? undefined : none.filters[0]!.apply(exchange))],
  ['a plugin that does nothing', () => trivial.apply(exchange)],
  ['it reads a field', () => reading.apply(exchange)],
  ['it sets a field', () => setting.apply(exchange)],
  ['it sets the path', () => moving.apply(exchange)],
  ['it gives a promise that has settled', () => waiting.apply(exchange)],
  ['it sets a field of the response', () => stage.attach(exchange, NOWHERE_TO)],
];

console.log('| one request | |\n|---|--:|');
for (const [name, run] of rows) {
  for (let at = 0; at < 20_000; at++) {
    const settled = run();
    if (settled instanceof Promise) await settled;
  }
  const isAsync = name.includes('promise');
  const { p50 } = await measure(isAsync ? async () => await run() : run, { min_cpu_time: 2e8 });
  console.log(`| ${name} | ${(p50 / 1000).toFixed(3)} µs |`);
}
