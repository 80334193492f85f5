// What the schema cannot say because it takes more than one field: names that must exist, things that
// must be there only once. Works on raw data, so that it reports beside whatever else is wrong.

import { nearest } from '../std/nearest.ts';
import { readHostPattern, readListenHost, readPeerUrl } from './addresses.ts';
import { checkPlugins } from './check-plugins.ts';
import { checkRouting } from './check-routing.ts';
import { checkWires } from './check-tls.ts';
import type { Finding } from './finding.ts';
import { formatPath, type Path } from './path.ts';
import { quote } from './problem.ts';
import { defaultRouteName } from './schema-route.ts';

/** Most combinations of host, path and method of one route that are compared with others. */
const combinationsMax = 100_000;

/** Finds missing references and duplicates in `raw` (short forms written out). Never throws. */
export function checkReferences(raw: unknown): Finding[] {
  const { listeners, upstreams, routes } = asMap(raw);
  return [
    ...checkListeners(asList(listeners)),
    ...checkWires(asList(listeners).map(asMap)),
    ...Object.entries(asMap(upstreams)).flatMap(([name, upstream]) => [
      ...checkSources(name, asMap(upstream)),
      ...checkPeers(name, asList(asMap(upstream)['peers'])),
      ...checkFastcgi(name, asMap(upstream)),
    ]),
    ...checkRouting(asMap(raw)),
    ...checkTargets(asList(routes), asMap(upstreams)),
    ...checkPages(raw, [], Object.keys(asMap(upstreams))),
    ...checkNames(asList(routes), 'routes', madeRouteName),
    ...checkMatches(asList(routes)),
    ...checkPlugins(asMap(raw)),
    ...checkRedis(asList(routes), asMap(asMap(raw)['redis'])),
    ...checkSessionCookies(asList(routes), asMap(upstreams)),
  ];
}

function checkListeners(listeners: unknown[]): Finding[] {
  const findings = checkNames(listeners, 'listeners', ({ port, tls }) => {
    return `${typeof tls === 'object' && tls !== null ? 'https' : 'http'}-${port}`;
  });
  const byPort = new Map<unknown, { index: number; host: string | null }[]>();
  for (const [index, listener] of listeners.entries()) {
    const { port, host: written = null } = asMap(listener);
    if (port === 0 || port === undefined) continue;
    const host = typeof written === 'string' ? readListenHost(written) : null;
    const samePort = byPort.get(port) ?? [];
    const first = samePort.find((other) => overlap(other.host, host));
    if (first !== undefined) {
      const message = `the same address and port as ${formatPath(['listeners', first.index])}`;
      findings.push({ path: ['listeners', index], message });
    }
    samePort.push({ index, host });
    byPort.set(port, samePort);
  }
  return findings;
}

function overlap(one: string | null, other: string | null): boolean {
  return one === other || one === null || other === null;
}

/** Peers stand in the list or are discovered. */
function checkSources(upstream: string, { peers = [], discovery }: Record<string, unknown>) {
  const { dns = null, file = null } = asMap(discovery);
  if (!Array.isArray(peers) || peers.length > 0 || dns !== null || file !== null) return [];
  const path = ['upstreams', upstream, 'peers'];
  return [{ path, message: 'expected at least one peer, or discovery by dns or file, got none' }];
}

function checkPeers(upstream: string, peers: unknown[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  for (const [index, peer] of peers.entries()) {
    const { url, backup, priority } = asMap(peer);
    if (backup !== undefined && priority !== undefined) {
      const path = ['upstreams', upstream, 'peers', index, 'backup'];
      findings.push({ path, message: 'stands for priority 1: give one of the two' });
    }
    const canonical = typeof url === 'string' ? readPeerUrl(url) : null;
    if (canonical === null) continue;
    const first = seen.get(canonical);
    if (first === undefined) seen.set(canonical, index);
    else {
      const path = ['upstreams', upstream, 'peers', index];
      const other = formatPath(['upstreams', upstream, 'peers', first]);
      findings.push({ path, message: `the same peer as ${other}; use weight for a larger share` });
    }
  }
  return findings;
}

/** Limits that several hosts share need to know where. */
function checkRedis(routes: unknown[], { url = null }: Record<string, unknown>): Finding[] {
  if (url !== null) return [];
  return routes.flatMap((route, index) =>
    asList(asMap(route)['rateLimits']).flatMap((limit, at) =>
      asMap(limit)['scope'] === 'redis'
        ? [
            {
              path: ['routes', index, 'rateLimits', at, 'scope'],
              message: "'redis' needs redis.url",
            },
          ]
        : [],
    ),
  );
}

/** FastCGI peers need a root, and share an upstream with no others. */
function checkFastcgi(upstream: string, settings: Record<string, unknown>): Finding[] {
  const urls = asList(settings['peers']).map((peer) => asMap(peer)['url']);
  const isFastcgi = (url: unknown) => typeof url === 'string' && /^fastcgi[:+]/i.test(url);
  if (!urls.some(isFastcgi)) return [];
  const path = ['upstreams', upstream];
  const findings: Finding[] = [];
  const other = urls.findIndex((url) => !isFastcgi(url));
  if (other >= 0) {
    const message =
      'not a FastCGI peer, but others of this upstream are: give it an upstream of its own';
    findings.push({ path: [...path, 'peers', other], message });
  }
  if (typeof asMap(settings['fastcgi'])['root'] !== 'string') {
    const message = 'expected root, the directory of the application as the peer sees it, got none';
    findings.push({ path: [...path, 'fastcgi'], message });
  }
  if (asMap(settings['active'])['type'] === 'http') {
    findings.push({
      path: [...path, 'active', 'type'],
      message: "FastCGI peers are checked by 'tcp'",
    });
  }
  return findings;
}

function checkTargets(routes: unknown[], upstreams: Record<string, unknown>): Finding[] {
  const findings: Finding[] = [];
  const names = Object.keys(upstreams);
  for (const [index, route] of routes.entries()) {
    const { to, mirror } = asMap(route);
    const path = ['routes', index, 'to'];
    const shares = asList(to).map(asMap);
    for (const [at, { upstream }] of shares.entries()) {
      // Written as one name in most files; named so here too.
      const own = shares.length === 1 ? path : [...path, at, 'upstream'];
      findings.push(...checkTarget(upstream, own, names));
      const first = shares.findIndex((other) => other['upstream'] === upstream);
      if (first < at && typeof upstream === 'string') {
        const other = formatPath([...path, first]);
        findings.push({ path: own, message: `the same upstream as ${other}; give it one weight` });
      }
    }
    if (shares.length > 0 && shares.every(({ weight }) => weight === 0)) {
      findings.push({ path, message: 'expected a weight above 0, got none' });
    }
    const shadow = asMap(mirror)['to'];
    findings.push(...checkTarget(shadow, ['routes', index, 'mirror', 'to'], names));
    findings.push(...checkPages(route, ['routes', index], names));
  }
  return findings;
}

/** Pages in place of errors may come from upstreams. */
function checkPages(holder: unknown, path: Path, names: string[]): Finding[] {
  return Object.entries(asMap(asMap(holder)['errorPages'])).flatMap(([status, page]) =>
    checkTarget(asMap(page)['upstream'], [...path, 'errorPages', status, 'upstream'], names),
  );
}

function checkTarget(name: unknown, path: Path, names: string[]): Finding[] {
  if (typeof name !== 'string' || name === '' || names.includes(name)) return [];
  const suggestion = nearest(name, names);
  const known = names.length === 0 ? 'there are none' : `there are ${some(names)}`;
  const hint = suggestion === null ? ` (${known})` : '';
  const message = `expected the name of an upstream${hint}, got ${quote(name)}`;
  return [{ path, message, suggestion }];
}

/** A name that is given may not be that of another, given or made. */
function checkNames(
  items: unknown[],
  list: 'listeners' | 'routes',
  madeName: (item: Record<string, unknown>) => string,
): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, { index: number; isGiven: boolean }>();
  for (const [index, item] of items.entries()) {
    const written = asMap(item);
    const isGiven = typeof written['name'] === 'string';
    const name = isGiven ? (written['name'] as string) : madeName(written);
    const first = seen.get(name);
    if (first === undefined) seen.set(name, { index, isGiven });
    else if (isGiven || first.isGiven) {
      const message = `expected a name of its own, got ${quote(name)} like ${formatPath([list, first.index])}`;
      findings.push({ path: isGiven ? [list, index, 'name'] : [list, index], message });
    }
  }
  return findings;
}

function madeRouteName(route: Record<string, unknown>): string {
  const { host, path, method } = readMatch(route);
  return defaultRouteName({ host, path, method });
}

/** Reads what a route matches as far as it can be read; an empty list means any. */
function readMatch(route: Record<string, unknown>) {
  const match = asMap(route['match']);
  return {
    host: readTexts(match['host'], (host) => readHostPattern(host) ?? host),
    path: readTexts(match['path'], (path) => path),
    method: readTexts(match['method'], (method) => method),
  };
}

/** Two routes for the same host, path and method: the later one could never be reached. */
function checkMatches(routes: unknown[]): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    const written = asMap(route)['match'];
    if (asMap(route) !== route || (written !== undefined && asMap(written) !== written)) continue;
    const match = readMatch(asMap(route));
    const conditions = conditionsOf(asMap(written));
    const hosts = orAny(match.host, '*');
    // Any path and every path below the root are the same (worker/route).
    const paths = orAny(match.path, '/*').map(withoutNames);
    const methods = orAny(match.method, '*');
    if (hosts.length * paths.length * methods.length > combinationsMax) continue;
    let clash: number | undefined;
    for (const host of hosts) {
      for (const path of paths) {
        for (const method of methods) {
          const key = `${method} ${host} ${path} ${conditions}`;
          const first = seen.get(key);
          if (first === undefined) seen.set(key, index);
          else clash ??= first;
        }
      }
    }
    if (clash === index) {
      findings.push({
        path: ['routes', index, 'match'],
        message: 'names the same host, path or method twice',
      });
    } else if (clash !== undefined) {
      const message = `matches the same as ${formatPath(['routes', clash])}, so it could never be reached`;
      findings.push({ path: ['routes', index], message });
    }
  }
  return findings;
}

/** Names in a path say what is captured, not what matches. */
function withoutNames(path: string): string {
  return path.startsWith('~') ? path : path.replaceAll(/\/:[^/]+/g, '/:');
}

/** What else a match asks for, as a text to compare. */
function conditionsOf({ host, path, method, ...conditions }: Record<string, unknown>): string {
  return JSON.stringify(conditions);
}

/** Two upstreams that set the same cookie on the same host would each end the sessions of the other. */
function checkSessionCookies(routes: unknown[], upstreams: Record<string, unknown>): Finding[] {
  const findings: Finding[] = [];
  const seen: { name: unknown; upstream: string; host: string[] }[] = [];
  for (const route of routes) {
    const { host } = readMatch(asMap(route));
    for (const share of asList(asMap(route)['to'])) {
      const { upstream } = asMap(share);
      if (typeof upstream !== 'string') continue;
      const { by, name = 'sluice' } = asMap(asMap(upstreams[upstream])['sticky']);
      if (by !== 'cookie') continue;
      const other = seen.find((one) => {
        return one.name === name && one.upstream !== upstream && haveHost(one.host, host);
      });
      seen.push({ name, upstream, host });
      const path = ['upstreams', upstream, 'sticky', 'name'];
      if (other === undefined || findings.some((one) => one.path[1] === upstream)) continue;
      const message = `the same cookie as ${formatPath(['upstreams', other.upstream])} on the same host: give it a name of its own`;
      findings.push({ path, message });
    }
  }
  return findings;
}

/** Some host is in both lists; an empty one has all. */
function haveHost(one: string[], other: string[]): boolean {
  return one.length === 0 || other.length === 0 || one.some((host) => other.includes(host));
}

function readTexts(written: unknown, canonical: (text: string) => string): string[] {
  const items = typeof written === 'string' ? [written] : asList(written);
  return items.filter((item) => typeof item === 'string').map(canonical);
}

function orAny(texts: string[], any: string): string[] {
  return texts.length === 0 ? [any] : texts;
}

function some(names: string[]): string {
  const shown = names.slice(0, 8).map((name) => quote(name));
  return names.length > 8 ? `${shown.join(', ')}, …` : shown.join(', ');
}

function asMap(value: unknown): Record<string, unknown> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Record<string, unknown>) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
