// Routes that no request can ever take, as far as that can be told: warnings, since they do no harm.

import { isName, parsePathPattern } from '../routing/path-pattern.ts';
import { settleTarget } from '../routing/target-policy.ts';
import type { Finding } from './finding.ts';
import { quote } from './problem.ts';
import type { Config, RouteConfig } from './schema.ts';

type Terms = RouteConfig['match']['all'][number];

/** Expressions that match every path. */
const EVERYTHING: ReadonlySet<string> = new Set([
  '',
  '.*',
  '^.*',
  '.*$',
  '^.*$',
  '^',
  '^/',
  '/',
  '^/.*',
  '^/.*$',
]);

/** Finds routes that can't be reached, and paths that no request has. */
export function findUnreachable(config: Config): Finding[] {
  return [...findOddPaths(config), ...findContradictions(config), ...findShadowed(config)];
}

/** Paths that the policy of paths changes or refuses before routing: nothing can match them. */
function findOddPaths({ routes, paths }: Config): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { match }] of routes.entries()) {
    for (const [at, written] of match.path.entries()) {
      const { kind, segments } = parsePathPattern(written);
      if (kind === 'regex') continue;
      const path = `/${segments.map((one) => (isName(one) ? 'x' : one)).join('/')}`;
      const settled = settleTarget(path, paths);
      if (settled === path) continue;
      const why =
        typeof settled === 'string'
          ? `requests for it arrive as ${quote(settled)}`
          : `requests for it are refused: ${settled.detail}`;
      const message = `no request has the path ${quote(written)}: ${why} (see paths)`;
      findings.push({ path: ['routes', index, 'match', 'path', at], message });
    }
  }
  return findings;
}

/** Conditions that never hold together. */
function findContradictions({ routes }: Config): Finding[] {
  const findings: Finding[] = [];
  for (const [index, { match }] of routes.entries()) {
    const all: readonly Terms[] = [match, ...match.all];
    const schemes = new Set(all.map(({ scheme }) => scheme).filter((one) => one !== null));
    const methods = all.map(({ method }) => method).filter((list) => list.length > 0);
    const common = methods.reduce<readonly string[] | null>(
      (left, list) => (left === null ? list : left.filter((one) => list.includes(one))),
      null,
    );
    const reason =
      schemes.size > 1
        ? 'two schemes at once'
        : common?.length === 0
          ? 'two methods at once'
          : null;
    if (reason === null) continue;
    findings.push({
      path: ['routes', index, 'match'],
      message: `asks for ${reason}: it can never match`,
    });
  }
  return findings;
}

/** Prefixes on hosts where an expression without conditions takes every path first. */
function findShadowed({ routes }: Config): Finding[] {
  const takers = new Map<string, number>();
  for (const [index, { match }] of routes.entries()) {
    const takesAll = match.path.some(
      (path) => path.startsWith('~') && EVERYTHING.has(path.slice(1)),
    );
    if (!takesAll || !isUnconditional(match)) continue;
    for (const host of hostsOf(match)) if (!takers.has(host)) takers.set(host, index);
  }
  const findings: Finding[] = [];
  for (const [index, { match }] of routes.entries()) {
    const isPrefixes = match.path.every((path) => path.endsWith('/*') && !path.startsWith('~'));
    const taker = takers.get(hostsOf(match)[0]!);
    if (taker === undefined || taker === index || !isPrefixes) continue;
    if (!hostsOf(match).every((host) => takers.has(host))) continue;
    const message = `is never asked: the expression of routes[${taker}] goes before prefixes and matches every path`;
    findings.push({ path: ['routes', index, 'match'], message });
  }
  return findings;
}

function isUnconditional({ host: _h, path: _p, ...terms }: RouteConfig['match']): boolean {
  return Object.values(terms).every((one) => {
    return one === null || (typeof one === 'object' && Object.keys(one).length === 0);
  });
}

function hostsOf({ host }: RouteConfig['match']): readonly string[] {
  return host.length === 0 ? ['*'] : host;
}
