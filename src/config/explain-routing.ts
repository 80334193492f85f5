// Says why a request takes the route that it takes: which routes its host, path and method allow, in order
// of precedence, and what the conditions of those that were passed over want. Nothing here runs in workers,
// so that the table that they use needs no second way through it.

import type { Asked } from '../routing/asked.ts';
import { compileConditions } from '../routing/conditions.ts';
import { anyRequest, type RouteMatch } from '../routing/match.ts';
import {
  type MadeUpRequest,
  type Outcome,
  placeOf,
  routeRequest,
  routerOf,
} from './route-request.ts';
import type { Config, RouteConfig } from './schema.ts';

/** Routes that are told at most: who has more wants to see the first. */
const CONSIDERED_MAX = 12;

export interface Considered {
  readonly route: RouteConfig;
  /** Parts of its match that the request does not meet, as the configuration names them. */
  readonly unmet: readonly string[];
}

export interface Explanation {
  readonly outcome: Outcome;
  /** Routes that host, path and method allow, the most specific first; that which takes it among them. */
  readonly considered: readonly Considered[];
  /** There are more. */
  readonly isCut: boolean;
}

/** Routes `request` and says why. */
export function explainRouting(request: MadeUpRequest, config: Config): Explanation {
  const geo = placeOf(request);
  const outcome = routeRequest(request, config, routerOf(config.routes, config, geo));
  const { asked } = outcome;
  const considered: Considered[] = [];
  if (asked === null) return { outcome, considered, isCut: false };
  let left = inOrderOfConditions(config);
  while (considered.length < CONSIDERED_MAX) {
    const unconditional = left.map((route) => ({ ...route, match: placeOnly(route.match) }));
    const found = routerOf(unconditional, config, geo).find({ ...asked });
    if (found === null) return { outcome, considered, isCut: false };
    const at = unconditional.indexOf(found);
    const route = left[at]!;
    considered.push({ route, unmet: unmetBy(route, asked, config, request) });
    left = left.toSpliced(at, 1);
  }
  return { outcome, considered, isCut: true };
}

/** Returns which parts of a route's match a request does not meet: 'host', 'header x-beta', 'not'… */
export function unmetBy(
  { match }: RouteConfig,
  asked: Asked,
  config: Config,
  request: MadeUpRequest,
): string[] {
  const parts = { matchers: config.matchers, geo: placeOf(request) };
  const holds = (part: Partial<RouteMatch>) => {
    // A match in a list of `all` has host, path and method as conditions, too.
    const whole = { ...anyRequest, all: [{ ...anyRequest, ...part }], ...groupsOf(part) };
    const { condition } = compileConditions(whole, parts);
    return condition === null || condition(asked);
  };
  return partsOf(match)
    .filter(([, part]) => !holds(part))
    .map(([name]) => name);
}

/** `all`, `any` and `not` stand at the top of a match only. */
function groupsOf({ all, any, not }: Partial<RouteMatch>): Partial<RouteMatch> {
  return {
    ...(all === undefined ? {} : { all }),
    ...(any === undefined ? {} : { any }),
    ...(not === undefined ? {} : { not }),
  };
}

function partsOf(match: RouteMatch): [name: string, part: Partial<RouteMatch>][] {
  return Object.entries(match).flatMap(([key, value]): [string, Partial<RouteMatch>][] => {
    if (value === null || typeof value !== 'object') return [[key, { [key]: value }]];
    if (Array.isArray(value)) return value.length === 0 ? [] : [[key, { [key]: value }]];
    return Object.entries(value).map(([name, values]) => [
      `${key} ${name}`,
      { [key]: { [name]: values } },
    ]);
  });
}

function placeOnly({ host, path, method }: RouteMatch): RouteMatch {
  return { ...anyRequest, host, path, method };
}

/** Of two routes in one place that with more conditions is asked first. */
function inOrderOfConditions(config: Config): RouteConfig[] {
  const parts = {
    matchers: config.matchers,
    geo: { country: none, continent: none, asn: () => 0 },
  };
  const counts = new Map(
    config.routes.map((route) => [route, compileConditions(route.match, parts).conditionCount]),
  );
  return config.routes.toSorted((one, other) => counts.get(other)! - counts.get(one)!);
}

const none = () => '';
