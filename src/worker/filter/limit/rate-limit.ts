// Lets only so many requests of a kind pass in a time, by one or several windows at once; the rest waits a
// little or is refused (429). Counts are this worker's own; shared ones are told to the others and theirs
// added (spending.ts), so that the rate over a longer time is exact for the host.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Settled, Verdict } from '../../../core/filter.ts';
import type { RawHeaders } from '../../../core/headers.ts';
import type { GcraTable, Rate } from '../../../std/gcra-table.ts';
import type { HalfSipHash } from '../../../std/half-sip-hash.ts';
import type { LimitKey } from './limit-key.ts';

/** One window. */
export interface Window {
  readonly name: string;
  readonly requests: number;
  readonly perMs: number;
  readonly rate: Rate;
  /** Longest wait; a request that would have to wait longer is refused. */
  readonly delayMaxMs: number;
  readonly key: LimitKey;
  readonly table: GcraTable;
  /** Other workers are told what passes. */
  readonly isShared: boolean;
}

export interface RateLimitOptions {
  readonly windows: readonly Window[];
  readonly hash: HalfSipHash;
  readonly nowMs: () => number;
  /** Something is to be told to others. */
  readonly onNews: () => void;
}

/** Requests that may wait at a time, over all windows. */
const WAITING_MAX = 1000;

export class RateLimitFilter implements RequestFilter {
  readonly name = 'rate-limit';
  readonly #options: RateLimitOptions;
  /** Places of the keys of one exchange, used again for each. */
  readonly #places: Int32Array;
  #waiting = 0;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#places = new Int32Array(options.windows.length);
  }

  /** First all windows are asked, then all are charged: who is refused by one has used up none. */
  apply(exchange: Exchange): Verdict {
    const { windows, hash, nowMs } = this.#options;
    const now = nowMs();
    let waitMs = 0;
    for (let at = 0; at < windows.length; at++) {
      const window = windows[at]!;
      const key = window.key(exchange);
      this.#places[at] = -1;
      if (key === '') continue;
      hash.update(key);
      const place = window.table.placeOf(hash.high, hash.low, now);
      this.#places[at] = place;
      const windowMs = window.table.waitMs(place, window.rate, now);
      if (windowMs > window.delayMaxMs) return refusal(window, windowMs);
      if (windowMs > waitMs) waitMs = windowMs;
    }
    if (waitMs > 0 && this.#waiting >= WAITING_MAX) {
      return refusal(windows[0]!, waitMs);
    }
    this.#charge(now);
    return waitMs > 0 ? this.#wait(waitMs) : undefined;
  }

  #charge(now: number): void {
    const { windows, onNews } = this.#options;
    for (let at = 0; at < windows.length; at++) {
      const place = this.#places[at]!;
      if (place < 0) continue;
      const { table, rate, isShared } = windows[at]!;
      if (isShared) {
        if (!table.hasNews) onNews();
        table.spendShared(place, rate, now);
      } else {
        table.spend(place, rate, now);
      }
    }
  }

  #wait(waitMs: number): Promise<Settled> {
    this.#waiting += 1;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#waiting -= 1;
        resolve(undefined);
      }, waitMs);
    });
  }
}

/** Returns the failure of a request that came too early, with the fields of RateLimit (IETF draft). */
export function refusal(
  { name, requests, perMs }: Pick<Window, 'name' | 'requests' | 'perMs'>,
  waitMs: number,
): ProxyError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const headers: RawHeaders = [
    ...['ratelimit-policy', `"${name}";q=${requests};w=${Math.max(1, Math.round(perMs / 1000))}`],
    ...['ratelimit', `"${name}";r=0;t=${seconds}`],
  ];
  return new ProxyError('too_many_requests', `limit ${name}`, seconds, headers);
}
