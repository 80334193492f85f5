// Finds where a request belongs: host, then path, then method, then conditions, the most specific first at
// each step. The cost depends on labels and segments of the request, not on the number of routes.

import type { Asked } from './asked.ts';
import { type Candidate, captured } from './candidate.ts';
import { type ConditionParts, compileConditions } from './conditions.ts';
import { normalHost } from './host.ts';
import type { RouteMatch } from './match.ts';
import { PathTable, type RouteEntry } from './path-table.ts';

/**
 * The routing table of one configuration.
 *
 * Precedence: a route with the exact host beats one with a wildcard host (the longer suffix first),
 * which beats one for any host. Among routes of equal host the path decides (see `PathTable`). Among equal
 * paths, a route that names the method beats one for any method; then the one with more conditions goes
 * first, and of two with as many the first one added. A route whose conditions do not hold is passed over:
 * the next candidate is asked, in the end those of the next host.
 */
export class Router<Found> {
  readonly #parts: ConditionParts;
  readonly #exactHosts = new Map<string, PathTable<Found>>();
  /** Keyed by the suffix without its `*.`. */
  readonly #wildcardHosts = new Map<string, PathTable<Found>>();
  readonly #anyHost = new PathTable<Found>();
  #namesHosts = false;

  constructor(parts: ConditionParts) {
    this.#parts = parts;
  }

  add(match: RouteMatch, found: Found): void {
    const entry: RouteEntry<Found> = {
      found,
      paths: match.path,
      methods: match.method,
      ...compileConditions(match, this.#parts),
    };
    if (match.host.length === 0) this.#anyHost.add(entry);
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
      table.add(entry);
    }
  }

  /** Returns what the most specific route leads to, or null; leaves its captures in the request. */
  find(asked: Asked): Found | null {
    const candidate = this.#findCandidate(asked);
    if (candidate === null) return null;
    if (candidate.names !== null) asked.captures = captured(candidate, asked);
    return candidate.found;
  }

  #findCandidate(asked: Asked): Candidate<Found> | null {
    if (this.#namesHosts) {
      const candidate = this.#findByHost(normalHost(asked.host), asked);
      if (candidate !== null) return candidate;
    }
    return this.#anyHost.find(asked);
  }

  #findByHost(host: string, asked: Asked): Candidate<Found> | null {
    const exact = this.#exactHosts.get(host);
    if (exact !== undefined) {
      const candidate = exact.find(asked);
      if (candidate !== null) return candidate;
    }
    if (this.#wildcardHosts.size === 0) return null;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const table = this.#wildcardHosts.get(host.slice(dot + 1));
      if (table === undefined) continue;
      const candidate = table.find(asked);
      if (candidate !== null) return candidate;
    }
    return null;
  }
}
