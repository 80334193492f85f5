// `sluice explain`: where a request would go, and why. It asks the configuration, not a running Sluice.

import { type Considered, explainRouting, unmetBy } from '../config/explain-routing.ts';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/parse.ts';
import { ConfigError } from '../config/problem.ts';
import { type Outcome, upstreamsOf } from '../config/route-request.ts';
import type { Config, RouteConfig } from '../config/schema.ts';
import { type CliIo, type ExplainCommand, exitCodes } from './command.ts';
import { toLoadRequest } from './request.ts';

/** Settings of a route by what they do, each in the order in which a request meets them. */
const BEFORE = [
  ...['maintenance', 'clients', 'cors', 'rateLimits', 'concurrency', 'filter', 'access'],
  ...['rewrite', 'redirect', 'respond', 'requestHeaders'],
] as const;
const AFTER = [
  'replaceBody',
  'cache',
  'errorPages',
  'mapBack',
  'responseHeaders',
  'compress',
] as const;

/** Runs the command; returns the exit code. */
export async function runExplain(command: ExplainCommand, io: CliIo): Promise<number> {
  const request = toLoadRequest(command, io);
  if ('name' in request) {
    io.stderr(`sluice: ${request.message}\n`);
    return exitCodes.usage;
  }
  let loaded: LoadedConfig;
  try {
    loaded = await loadConfig(request);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr(`sluice: ${error.message}`);
    return exitCodes.invalidConfig;
  }
  const { config } = loaded;
  const wanted = config.routes.find(({ name }) => name === command.route);
  if (command.route !== null && wanted === undefined) {
    const names = config.routes.slice(0, 20).map(({ name }) => `'${name}'`);
    io.stderr(`sluice: --route: no route '${command.route}'; there are ${names.join(', ')}\n`);
    return exitCodes.usage;
  }
  const answer = answerOf(command, loaded, wanted ?? null);
  io.stdout(command.isJson ? `${JSON.stringify(answer, null, 2)}\n` : textOf(answer));
  return exitCodes.ok;
}

type Answer = ReturnType<typeof answerOf>;

function answerOf({ request }: ExplainCommand, loaded: LoadedConfig, wanted: RouteConfig | null) {
  const { config } = loaded;
  const { outcome, considered, isCut } = explainRouting(request, config);
  const { asked, route, status, location, words } = outcome;
  return {
    request: `${request.request} from ${request.client}`,
    target: asked?.target ?? null,
    outcome: words,
    route: route?.name ?? null,
    status,
    location,
    considered: considered.map((one) => seen(one, route, loaded)),
    isCut,
    wanted:
      wanted === null || asked === null
        ? null
        : { route: wanted.name, unmet: unmetBy(wanted, asked, config, request) },
    before: route === null ? [] : BEFORE.filter((key) => isSet(route[key])),
    after: route === null ? [] : AFTER.filter((key) => isSet(route[key])),
    upstreams: upstreamsFor(outcome, config),
  };
}

function seen({ route, unmet }: Considered, taken: RouteConfig | null, loaded: LoadedConfig) {
  const verdict =
    route === taken ? 'takes it' : unmet.length > 0 ? 'passed over' : 'comes after it';
  return { route: route.name, place: placeOf(route, loaded), verdict, unmet };
}

/** Where the configuration says something about a route first: `app.yaml:12`. */
function placeOf(route: RouteConfig, { config, origins }: LoadedConfig): string | null {
  const prefix = `routes[${config.routes.indexOf(route)}].`;
  for (const [path, origin] of origins) {
    if (path.startsWith(prefix) && /:\d+$/.test(origin)) return origin;
  }
  return null;
}

function upstreamsFor({ route, status }: Outcome, { upstreams }: Config) {
  if (route === null || status !== null) return [];
  return upstreamsOf(route).map((name) => {
    const { balancer, peers } = upstreams[name]!;
    const shown = peers.map(({ url, weight, priority, draining }) => ({
      ...{ url, weight, priority, draining },
    }));
    const share = route.to.find(({ upstream }) => upstream === name)!.weight;
    return { name, share, balancer, peers: shown };
  });
}

/** Something is asked for: not null, off or empty all the way down. */
function isSet(value: unknown): boolean {
  if (typeof value !== 'object') return value !== undefined && value !== false;
  return value !== null && Object.values(value).some(isSet);
}

function textOf(answer: Answer): string {
  const { considered, upstreams } = answer;
  const lines = [answer.request, '', answer.outcome];
  if (answer.target !== null && !answer.request.includes(answer.target)) {
    lines.push(`its target is read as ${answer.target}`);
  }
  if (answer.wanted !== null) {
    const { route, unmet } = answer.wanted;
    const why = unmet.length === 0 ? 'all that it asks for is met' : `not met: ${unmet.join(', ')}`;
    lines.push(`route '${route}': ${why}`);
  }
  if (considered.length > 0) {
    lines.push('', 'routes for its host, path and method, the most specific first');
    const width = Math.max(...considered.map(({ route }) => route.length + 2));
    for (const { route, place, verdict, unmet } of considered) {
      const why = unmet.length === 0 ? (place ?? '') : `not met: ${unmet.join(', ')}`;
      lines.push(`  ${verdict.padEnd(14)}  ${`'${route}'`.padEnd(width)}  ${why}`.trimEnd());
    }
    if (answer.isCut) lines.push('  and more');
  }
  if (answer.before.length > 0) lines.push('', `on the way: ${answer.before.join(', ')}`);
  for (const { name, share, balancer, peers } of upstreams) {
    const part = upstreams.length > 1 ? `, share ${share}` : '';
    lines.push('', `upstream ${name} by ${balancer}${part}`);
    for (const peer of peers) lines.push(`  ${peerText(peer)}`);
  }
  if (answer.after.length > 0) lines.push('', `on the way back: ${answer.after.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

function peerText(peer: Answer['upstreams'][number]['peers'][number]): string {
  const weight = peer.weight === 1 ? '' : `  weight ${peer.weight}`;
  const priority = peer.priority === 0 ? '' : `  priority ${peer.priority}`;
  return `${peer.url}${weight}${priority}${peer.draining ? '  draining' : ''}`;
}
