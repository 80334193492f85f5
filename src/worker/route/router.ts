// Finds the plan of a request: host, then path, then method, the most specific first at each step.
// The cost depends on the number of labels and segments in the request, not on the number of routes.

import type { Plan } from '../../core/plan.ts';
import { normalHost } from './host.ts';
import { PathTable } from './path-table.ts';

/** What a route asks for; an empty list means "any". Patterns are validated by the configuration. */
export interface RouteMatch {
  /** `example.com` or `*.example.com` (any depth below it), lower-case, without port. */
  readonly host: readonly string[];
  /** `/exact` or `/prefix/*`, which matches `/prefix/` and all below it, not `/prefix`. */
  readonly path: readonly string[];
  /** Case-sensitive method names (RFC 9110 section 9.1). */
  readonly method: readonly string[];
}

/**
 * The routing table of one configuration.
 *
 * Precedence: a route with the exact host beats one with a wildcard host (the longer suffix first),
 * which beats one for any host. Among routes of equal host, the exact path beats the longest prefix,
 * which beats shorter ones and any path. Among equal paths, a route that names the method beats one for
 * any method. When the better host has no route for the path and method, the next host is asked.
 */
export class Router {
  readonly #exactHosts = new Map<string, PathTable>();
  /** Keyed by the suffix without its `*.`. */
  readonly #wildcardHosts = new Map<string, PathTable>();
  readonly #anyHost = new PathTable();
  #namesHosts = false;

  add(match: RouteMatch, plan: Plan): void {
    if (match.host.length === 0) this.#anyHost.add(match.path, match.method, plan);
    for (const host of match.host) {
      this.#namesHosts = true;
      const isWildcard = host.startsWith('*.');
      const hosts = isWildcard ? this.#wildcardHosts : this.#exactHosts;
      const key = isWildcard ? host.slice(2) : host;
      let table = hosts.get(key);
      if (table === undefined) {
        table = new PathTable();
        hosts.set(key, table);
      }
      table.add(match.path, match.method, plan);
    }
  }

  /** Returns the plan of the most specific route, or null. `host` as received, `target` with query. */
  find(host: string, target: string, method: string): Plan | null {
    if (this.#namesHosts) {
      const plan = this.#findByHost(normalHost(host), target, method);
      if (plan !== null) return plan;
    }
    return this.#anyHost.find(target, method);
  }

  #findByHost(host: string, target: string, method: string): Plan | null {
    const exact = this.#exactHosts.get(host);
    if (exact !== undefined) {
      const plan = exact.find(target, method);
      if (plan !== null) return plan;
    }
    if (this.#wildcardHosts.size === 0) return null;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const table = this.#wildcardHosts.get(host.slice(dot + 1));
      if (table === undefined) continue;
      const plan = table.find(target, method);
      if (plan !== null) return plan;
    }
    return null;
  }
}
