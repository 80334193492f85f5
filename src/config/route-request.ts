// Routes a made-up request as a worker would, without any process, peer or database.

import type { Asked, GeoLookup } from '../routing/asked.ts';
import { readJson } from '../routing/json-value.ts';
import type { RouteMatch } from '../routing/match.ts';
import { Router } from '../routing/router.ts';
import { settleTarget } from '../routing/target-policy.ts';
import { compileTemplate, locationValue } from '../routing/template.ts';
import { AddressSet } from '../std/address-set.ts';
import { quote } from './problem.ts';
import type { Config, RouteConfig } from './schema.ts';

/** A request as somebody writes it down. */
export type MadeUpRequest = Pick<
  Config['tests'][number],
  'request' | 'headers' | 'body' | 'client' | 'country' | 'continent' | 'asn'
>;

/** What became of a request. */
export interface Outcome {
  /** With its path as the policy of targets left it; null when that refused it. */
  readonly asked: Asked | null;
  readonly route: RouteConfig | null;
  /** Null where an upstream decides. */
  readonly status: number | null;
  readonly location: string | null;
  /** In words, to complete "but …". */
  readonly words: string;
}

/** Returns what knows just the place that the request says it comes from. */
export function placeOf({ country, continent, asn }: MadeUpRequest): GeoLookup {
  return { country: () => country ?? '', continent: () => continent ?? '', asn: () => asn };
}

/** Returns a table of some of the routes of `config`. */
export function routerOf<Route extends { readonly match: RouteMatch }>(
  routes: readonly Route[],
  { matchers }: Config,
  geo: GeoLookup,
): Router<Route> {
  const router = new Router<Route>({ matchers, geo });
  for (const route of routes) router.add(route.match, route);
  return router;
}

/** Returns what becomes of `request`. */
export function routeRequest(
  request: MadeUpRequest,
  config: Config,
  router: Router<RouteConfig>,
): Outcome {
  const asked = askedBy(request);
  const target = settleTarget(asked.target, config.paths);
  if (typeof target !== 'string') {
    const words = `it is refused: ${target.detail}`;
    return { asked: null, route: null, status: 400, location: null, words };
  }
  const settled = { ...asked, target };
  return { asked: settled, ...outcomeOf(settled, router.find(settled)) };
}

function outcomeOf(asked: Asked, route: RouteConfig | null): Omit<Outcome, 'asked'> {
  if (route === null) {
    return { route, status: 404, location: null, words: 'no route takes it' };
  }
  const by = `by route ${quote(route.name)}`;
  const { maintenance, redirect, respond } = route;
  if (maintenance !== null && !new AddressSet(maintenance.except).has(asked.clientAddress)) {
    return { route, status: 503, location: null, words: `it gets the maintenance page ${by}` };
  }
  if (redirect !== null) {
    const location = locationValue(compileTemplate(redirect.to)(asked));
    const words = `it is sent to ${location} with ${redirect.status} ${by}`;
    return { route, status: redirect.status, location, words };
  }
  if (respond !== null) {
    const words = `it is answered with ${respond.status} ${by}`;
    return { route, status: respond.status, location: null, words };
  }
  if (route.handler !== null) {
    const words = `it is answered by the plugin ${route.handler.name} ${by}`;
    return { route, status: null, location: null, words };
  }
  const names = upstreamsOf(route);
  const words =
    names.length === 0 ? 'its connection is closed' : `it reaches ${names.join(' or ')}`;
  return { route, status: null, location: null, words: `${words} ${by}` };
}

/** Returns the upstreams that get requests of a route. */
export function upstreamsOf({ to }: RouteConfig): string[] {
  return to.filter(({ weight }) => weight > 0).map(({ upstream }) => upstream);
}

function askedBy({ request, headers, body, client }: MadeUpRequest): Asked {
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
