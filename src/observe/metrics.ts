// What one worker counts about its exchanges: plain numbers in typed arrays, one row per route. Reading
// them out is in metrics-snapshot.ts; live peer counters stay in the peers.

import { type FailureCode, failures } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { limits } from '../core/limits.ts';
import { CacheNumbers } from './cache-numbers.ts';
import { LatencyHistogram } from './latency.ts';

/** Column 0 holds what ended without a status. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const COLUMNS = STATUS_CLASSES.length;

/** Row of exchanges that matched no route or were refused before the match. */
export const NO_ROUTE = '(none)';
/** Row that the routes share that came after the first limits.measuredRouteCount names. */
export const OTHER_ROUTES = '(other)';

const FAILURE_CODES = Object.keys(failures) as FailureCode[];
const FAILURE_INDEX = new Map(FAILURE_CODES.map((code, index) => [code as string, index]));
const SWITCHING_PROTOCOLS = 101;

/** One route's numbers since the worker started. */
export interface RouteNumbers {
  readonly route: string;
  /** By STATUS_CLASSES. */
  readonly requests: readonly number[];
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly latency: LatencyHistogram | null;
  /** Columns of cache-numbers; empty when the route never cached. */
  readonly cache: readonly number[];
}

export class Metrics {
  readonly cache = new CacheNumbers();
  readonly #rows = new Map<string, number>();
  #requests = new Float64Array(0);
  #bytesReceived = new Float64Array(0);
  #bytesSent = new Float64Array(0);
  // Made at a route's first exchange: ten thousand idle routes cost nothing.
  readonly #latency: (LatencyHistogram | null)[] = [];
  readonly #failures = new Float64Array(FAILURE_CODES.length);

  constructor() {
    this.routeIndex(NO_ROUTE);
    this.routeIndex(OTHER_ROUTES);
  }

  /**
   * Returns the row of a route, the same for the same name across configurations. A route that is gone
   * keeps its numbers, so that sums never fall. The first limits.measuredRouteCount names have their own.
   */
  routeIndex(route: string): number {
    const known = this.#rows.get(route);
    if (known !== undefined) return known;
    const row = this.#rows.size;
    if (row >= limits.measuredRouteCount) return this.#rows.get(OTHER_ROUTES)!;
    this.#rows.set(route, row);
    this.#latency.push(null);
    this.#makeRoom(row + 1);
    return row;
  }

  /** Counts a finished exchange; about 250 ns, most of it the histogram. */
  record(exchange: Exchange, durationMs: number): void {
    const row = exchange.plan === null ? 0 : exchange.plan.routeIndex;
    const status = exchange.status;
    const column = status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
    this.#requests[row * COLUMNS + column]! += 1;
    this.#bytesReceived[row]! += exchange.bytesReceived;
    this.#bytesSent[row]! += exchange.bytesSent;
    if (exchange.cacheStatus !== null) this.cache.record(row, exchange.cacheStatus);
    if (exchange.failure !== null) {
      this.#failures[FAILURE_INDEX.get(exchange.failure.code)!]! += 1;
    }
    // How long a WebSocket stays open says nothing about how fast we answer.
    if (status === SWITCHING_PROTOCOLS) return;
    let latency = this.#latency[row];
    if (latency === null || latency === undefined) {
      latency = new LatencyHistogram();
      this.#latency[row] = latency;
    }
    latency.record(durationMs);
  }

  /** Returns the numbers of every route that has any. */
  routes(): RouteNumbers[] {
    const routes: RouteNumbers[] = [];
    for (const [route, row] of this.#rows) {
      const requests = [...this.#requests.subarray(row * COLUMNS, (row + 1) * COLUMNS)];
      if (requests.every((count) => count === 0)) continue;
      routes.push({
        route,
        requests,
        bytesReceived: this.#bytesReceived[row]!,
        bytesSent: this.#bytesSent[row]!,
        latency: this.#latency[row]!,
        cache: this.cache.read(row),
      });
    }
    return routes;
  }

  /** Returns how often each failure happened; those that never did are left out. */
  failures(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [index, code] of FAILURE_CODES.entries()) {
      if (this.#failures[index]! > 0) counts[code] = this.#failures[index]!;
    }
    return counts;
  }

  #makeRoom(rows: number): void {
    if (rows <= this.#bytesSent.length) return;
    const size = Math.max(16, rows * 2);
    this.#requests = grown(this.#requests, size * COLUMNS);
    this.#bytesReceived = grown(this.#bytesReceived, size);
    this.#bytesSent = grown(this.#bytesSent, size);
  }
}

function grown(values: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length);
  larger.set(values);
  return larger;
}
