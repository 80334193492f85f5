// Runs the tests of a configuration: each request is routed as a worker would, without any process, peer or
// database. What does not end up where it must is a problem like any other.

import type { Asked, GeoLookup } from '../routing/asked.ts';
import { readJson } from '../routing/json-value.ts';
import { Router } from '../routing/router.ts';
import { settleTarget } from '../routing/target-policy.ts';
import { compileTemplate, locationValue } from '../routing/template.ts';
import { AddressSet } from '../std/address-set.ts';
import type { Finding } from './finding.ts';
import { quote } from './problem.ts';
import type { Config, RouteConfig } from './schema.ts';

type RoutingTest = Config['tests'][number];

/** What became of a request. */
interface Outcome {
  readonly route: RouteConfig | null;
  /** Null where an upstream decides. */
  readonly status: number | null;
  readonly location: string | null;
  /** In words, to complete "but …". */
  readonly words: string;
}

/** Runs all tests; returns those that fail. */
export function runTests(config: Config): Finding[] {
  if (config.tests.length === 0) return [];
  let place: RoutingTest | null = null;
  const geo: GeoLookup = {
    country: () => place?.country ?? '',
    continent: () => place?.continent ?? '',
    asn: () => place?.asn ?? 0,
  };
  const router = new Router<RouteConfig>({ matchers: config.matchers, geo });
  for (const route of config.routes) router.add(route.match, route);
  const findings: Finding[] = [];
  for (const [index, test] of config.tests.entries()) {
    place = test;
    const message = failureOf(test, outcomeOf(test, config, router));
    if (message !== null) findings.push({ path: ['tests', index], message });
  }
  return findings;
}

function outcomeOf(test: RoutingTest, config: Config, router: Router<RouteConfig>): Outcome {
  const asked = askedBy(test);
  const target = settleTarget(asked.target, config.paths);
  if (typeof target !== 'string') {
    return { route: null, status: 400, location: null, words: `it is refused: ${target.detail}` };
  }
  const settled = { ...asked, target };
  const route = router.find(settled);
  if (route === null) {
    return { route, status: 404, location: null, words: 'no route takes it' };
  }
  const by = `by route ${quote(route.name)}`;
  const { maintenance, redirect, respond } = route;
  if (maintenance !== null && !new AddressSet(maintenance.except).has(test.client)) {
    return { route, status: 503, location: null, words: `it gets the maintenance page ${by}` };
  }
  if (redirect !== null) {
    const location = locationValue(compileTemplate(redirect.to)(settled));
    const words = `it is sent to ${location} with ${redirect.status} ${by}`;
    return { route, status: redirect.status, location, words };
  }
  if (respond !== null) {
    const words = `it is answered with ${respond.status} ${by}`;
    return { route, status: respond.status, location: null, words };
  }
  const names = upstreamsOf(route);
  const words =
    names.length === 0 ? 'its connection is closed' : `it reaches ${names.join(' or ')}`;
  return { route, status: null, location: null, words: `${words} ${by}` };
}

function failureOf(test: RoutingTest, outcome: Outcome): string | null {
  const { route } = outcome;
  const expected: string[] = [];
  if (test.upstream !== null && !(route !== null && reaches(route, test.upstream, outcome))) {
    expected.push(`to reach ${test.upstream}`);
  }
  if (test.route !== null && route?.name !== test.route) {
    expected.push(`to take route ${quote(test.route)}`);
  }
  if (test.location !== null && outcome.location !== test.location) {
    expected.push(`to be sent to ${test.location}`);
  }
  if (test.status !== null && outcome.status !== test.status) {
    expected.push(`to be answered with ${test.status}`);
  }
  if (expected.length === 0) return null;
  return `expected ${quote(test.request)} ${expected.join(' and ')}, but ${outcome.words}`;
}

function reaches(route: RouteConfig, upstream: string, { status }: Outcome): boolean {
  return status === null && upstreamsOf(route).includes(upstream);
}

function upstreamsOf({ to }: RouteConfig): string[] {
  return to.filter(({ weight }) => weight > 0).map(({ upstream }) => upstream);
}

function askedBy({ request, headers, body, client }: RoutingTest): Asked {
  const [, method, scheme, host, rest] = /^(\S+) (https?):\/\/([^\s/?#]+)(.*)$/.exec(request)!;
  const target = rest!.startsWith('/') ? rest! : `/${rest}`;
  const fields = Object.entries(headers).flatMap(([name, value]) => [name, octets(value)]);
  return {
    scheme: scheme as 'http' | 'https',
    method: method!,
    target: octets(target),
    host: host!,
    requestHeaders: ['host', host!, ...fields],
    clientAddress: client,
    requestId: '',
    bodyFacts: body === null ? null : { json: readJson(body), isRead: true, isWanted: false },
    captures: null,
  };
}

function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
