// What it costs to find a route: one lookup in tables of 10 to 10,000 routes of the usual shapes, and what
// the policy of targets adds to it, in nanoseconds. Run: node native-bench/micro/routing.ts

import { measure } from 'mitata';
import { type Asked, NOWHERE } from '../../src/routing/asked.ts';
import { anyRequest, type RouteMatch } from '../../src/routing/match.ts';
import { Router } from '../../src/routing/router.ts';
import { safeTargetPolicy, settleTarget } from '../../src/routing/target-policy.ts';

const ROUTE_COUNTS = [10, 100, 1000, 10_000];

interface Shape {
  readonly name: string;
  readonly match: (at: number) => Partial<RouteMatch>;
  readonly asked: (at: number) => Partial<Asked>;
}

const shapes: readonly Shape[] = [
  {
    name: 'host',
    match: (at) => ({ host: [`host-${at}.example.com`] }),
    asked: (at) => ({ host: `host-${at}.example.com`, target: '/a/b?c=d' }),
  },
  {
    name: 'wildcard host',
    match: (at) => ({ host: [`*.host-${at}.example.com`] }),
    asked: (at) => ({ host: `www.host-${at}.example.com:8080`, target: '/a/b?c=d' }),
  },
  {
    name: 'prefix',
    match: (at) => ({ path: [`/service-${at}/*`] }),
    asked: (at) => ({ target: `/service-${at}/a/b?c=d` }),
  },
  {
    name: 'pattern with a name',
    match: (at) => ({ path: [`/service-${at}/users/:id`] }),
    asked: (at) => ({ target: `/service-${at}/users/42` }),
  },
  {
    name: 'prefix with a header',
    match: (at) => ({ path: [`/service-${at}/*`], header: { 'x-beta': ['1'] } }),
    asked: (at) => ({
      target: `/service-${at}/a/b`,
      requestHeaders: ['accept', '*/*', 'x-beta', '1'],
    }),
  },
];

function ask(parts: Partial<Asked>): Asked {
  return {
    scheme: 'http',
    method: 'GET',
    target: '/',
    host: 'example.com',
    requestHeaders: [],
    clientAddress: '192.0.2.7',
    requestId: '',
    bodyFacts: null,
    captures: null,
    ...parts,
  };
}

async function findNs({ match, asked }: Shape, count: number): Promise<number> {
  const router = new Router<number>({ matchers: {}, geo: NOWHERE });
  for (let at = 0; at < count; at++) router.add({ ...anyRequest, ...match(at) }, at);
  const requests = Array.from({ length: 64 }, (_, at) => ask(asked((at * 7919) % count)));
  let turn = 0;
  const once = () => router.find(requests[turn++ & 63]!);
  for (let at = 0; at < 50_000; at++) once();
  return (await measure(once, { min_cpu_time: 2e8 })).p50;
}

async function settleNs(target: string): Promise<number> {
  const once = () => settleTarget(target, safeTargetPolicy);
  for (let at = 0; at < 50_000; at++) once();
  return (await measure(once, { min_cpu_time: 2e8 })).p50;
}

console.log(`| one lookup | ${ROUTE_COUNTS.map((count) => `${count} routes`).join(' | ')} |`);
console.log(`|---|${ROUTE_COUNTS.map(() => '--:|').join('')}`);
for (const shape of shapes) {
  const cells: string[] = [];
  for (const count of ROUTE_COUNTS) cells.push(`${Math.round(await findNs(shape, count))} ns`);
  console.log(`| ${shape.name} | ${cells.join(' | ')} |`);
}
console.log('\n| the policy on a target | |\n|---|--:|');
for (const target of ['/', '/a/b/c?d=%20e', '/images/2024/10/photo-of-a-cat.jpg', '/a%20b/../c']) {
  console.log(`| ${target} | ${Math.round(await settleNs(target))} ns |`);
}
