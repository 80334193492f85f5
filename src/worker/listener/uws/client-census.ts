// Connections per client for an engine that does not tell whose connection has ended. What has come is added
// up here, and before that gets near the limit the kernel is asked who is really there: over all workers of
// the port, at most four times a second, and never while nobody has many connections.
//
// The error: what comes between two looks. What other workers have accepted is seen a moment late, and so
// are ends: a client may be refused though it has just closed one.

import { networkOf } from '../../../std/network-of.ts';
import type { ClientLimit } from '../client-limit.ts';

const LOOK_MS_MIN = 250;
/** So long after the next look is due, what was seen is good enough to refuse somebody by. */
const FRESH_MS = 2000;
/** Of the time, at most so much goes into looks... */
const LOOK_SHARE = 0.05;
/** ...but a look that took long because the machine stood still must not be believed for minutes. */
const LOOK_MS_MAX = 5000;
/** More clients than this are not told apart between two looks. */
const CLIENTS_MAX = 65_536;

export interface ClientCensusOptions {
  /** Tells the addresses of all who are connected; null when that can't be known. */
  readonly look: (done: (addresses: readonly string[] | null) => void) => void;
  readonly nowMs: () => number;
}

export class ClientCensus {
  readonly #options: ClientCensusOptions;
  /** Connections of clients: at the last look, and since. */
  #seen = new Map<string, number>();
  #since = new Map<string, number>();
  #isLooking = false;
  #nextLookMs = 0;
  /** There is no table: nobody is refused. */
  #isBlind = false;

  constructor(options: ClientCensusOptions) {
    this.#options = options;
  }

  /** Counts a connection; false when it is one too many. */
  opened(address: string, limit: ClientLimit): boolean {
    if (this.#isBlind || address === '' || limit.isExempt(address)) return true;
    const client = networkOf(address);
    const since = this.#since.get(client) ?? 0;
    if (since === 0 && this.#since.size >= CLIENTS_MAX) this.#since.clear();
    this.#since.set(client, since + 1);
    const nearAt = Math.max(1, Math.floor(limit.max / (2 * limit.workers)));
    const isOver = (this.#seen.get(client) ?? 0) + since >= limit.max;
    // Of what was seen long ago most may be gone: then this one passes, and the next goes by a new look.
    const isFresh = this.#options.nowMs() <= this.#nextLookMs + FRESH_MS;
    if (isOver || since + 1 >= nearAt) this.#look();
    if (!isOver || !isFresh) return true;
    // It is closed again at once. A look may have begun a new count.
    this.#since.set(client, (this.#since.get(client) ?? 1) - 1);
    limit.onRefused();
    return false;
  }

  #look(): void {
    const { look, nowMs } = this.#options;
    const startedAtMs = nowMs();
    if (this.#isLooking || startedAtMs < this.#nextLookMs) return;
    this.#isLooking = true;
    this.#since = new Map();
    look((addresses) => {
      const tookMs = nowMs() - startedAtMs;
      const pauseMs = Math.max(LOOK_MS_MIN, tookMs / LOOK_SHARE);
      this.#nextLookMs = startedAtMs + Math.min(LOOK_MS_MAX, pauseMs);
      this.#take(addresses);
    });
  }

  #take(addresses: readonly string[] | null): void {
    this.#isLooking = false;
    this.#isBlind = addresses === null;
    this.#seen = new Map();
    for (const address of addresses ?? []) {
      const client = networkOf(address);
      this.#seen.set(client, (this.#seen.get(client) ?? 0) + 1);
    }
  }
}
