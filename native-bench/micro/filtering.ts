// What looking a request over for attacks costs it, in microseconds: the table that stands in
// docs/filtering.md. Run: node native-bench/micro/filtering.ts

import { measure } from 'mitata';
import { Exchange } from '../../src/core/exchange.ts';
import type { Sink } from '../../src/core/sink.ts';
import { attackRules } from '../../src/worker/filter/guard/attack-rules.ts';
import { RuleInspector } from '../../src/worker/filter/guard/inspector.ts';
import { RequestShapeFilter } from '../../src/worker/filter/guard/request-shape.ts';

const NOWHERE_TO: Sink = { start() {}, write: () => true, end() {}, fail() {} };
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const NOTHING = new Uint8Array(0);

function makeExchange(target: string, ...fields: string[]): Exchange {
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target,
    host: 'example.com',
    remoteAddress: '192.0.2.7',
    body: null,
    webSocket: null,
  } as const;
  const headers = ['host', 'example.com', 'accept', '*/*', 'user-agent', AGENT, ...fields];
  return new Exchange({ ...head, headers }, NOWHERE_TO, 0);
}

const inspector = new RuleInspector(attackRules);
const shape = new RequestShapeFilter({
  methods: ['GET', 'POST'],
  targetBytesMax: 8192,
  deniedAgents: ['badbot', 'otherbot'],
  contentTypes: ['application/json'],
});
const browser = makeExchange(
  '/shop/shoes/42?color=red&size=44&sort=price',
  ...['cookie', 'sid=0123456789abcdef; theme=dark', 'referer', 'https://example.com/shop/'],
);
const typed = makeExchange('/search?q=what%27s+new+%28and+old%29+in+%22z%C3%BCrich%22&page=2');
const json = makeExchange('/api/items', 'content-type', 'application/json');
const body = Buffer.from(
  JSON.stringify({ items: Array(100).fill({ id: 1, name: "it's a name" }) }),
);

const rows: readonly (readonly [string, () => unknown])[] = [
  ['methods, agents, types', () => shape.apply(browser)],
  ['attacks: a path only', () => inspector.inspect(makeExchange('/images/logo.png'), NOTHING)],
  ['attacks: query, cookies, referer', () => inspector.inspect(browser, NOTHING)],
  ['attacks: a search with quotes', () => inspector.inspect(typed, NOTHING)],
  [`attacks: JSON of ${body.length} bytes`, () => inspector.inspect(json, body)],
];

console.log('| one request | |\n|---|--:|');
for (const [name, run] of rows) {
  for (let at = 0; at < 2000; at++) run();
  const { p50 } = await measure(run, { min_cpu_time: 2e8 });
  console.log(`| ${name} | ${(p50 / 1000).toFixed(2)} µs |`);
}
