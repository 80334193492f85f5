// Runs the tests of a configuration: each request is routed as a worker would, without any process, peer or
// database. What does not end up where it must is a problem like any other.

import type { Finding } from './finding.ts';
import { quote } from './problem.ts';
import { type Outcome, placeOf, routeRequest, routerOf, upstreamsOf } from './route-request.ts';
import type { Config, RouteConfig } from './schema.ts';

type RoutingTest = Config['tests'][number];

/** Runs all tests; returns those that fail. */
export function runTests(config: Config): Finding[] {
  if (config.tests.length === 0) return [];
  // One table for all tests: they differ in the place they ask from.
  let place: RoutingTest = config.tests[0]!;
  const router = routerOf(config.routes, config, {
    country: (address) => placeOf(place).country(address),
    continent: (address) => placeOf(place).continent(address),
    asn: (address) => placeOf(place).asn(address),
  });
  const findings: Finding[] = [];
  for (const [index, test] of config.tests.entries()) {
    place = test;
    const message = failureOf(test, routeRequest(test, config, router));
    if (message !== null) findings.push({ path: ['tests', index], message });
  }
  return findings;
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
