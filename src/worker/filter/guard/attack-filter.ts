// Refuses or reports requests that look like attacks, by what an inspector finds.

import { ProxyError } from '../../../core/errors.ts';
import type { Events } from '../../../core/events.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Settled, Verdict } from '../../../core/filter.ts';
import { firstBytes } from './first-bytes.ts';
import type { Inspector } from './inspector.ts';

export interface AttackOptions {
  readonly route: string;
  readonly inspector: Inspector;
  readonly mode: 'report' | 'block';
  /** Score from which a request is an attack. */
  readonly threshold: number;
  /** Of a body, at most; 0 for none. */
  readonly bodyBytes: number;
  readonly events: Events;
  readonly counters: GuardCounters;
  readonly nowMs: () => number;
}

/** Since the worker started, over all routes. */
export interface GuardCounters {
  /** Bodies of which only the beginning was looked at. */
  bodiesCut: number;
}

const NOTHING = new Uint8Array(0);
/** Reports written in a second; of more, only the number. */
const REPORTS_MAX = 10;
const REPORTS_MS = 1000;

export class AttackFilter implements RequestFilter {
  readonly name = 'attacks';
  readonly #options: AttackOptions;
  #sinceMs = 0;
  #reports = 0;

  constructor(options: AttackOptions) {
    this.#options = options;
  }

  apply(exchange: Exchange): Verdict {
    const { bodyBytes, inspector } = this.#options;
    const body = exchange.requestBody;
    if (body === null || bodyBytes === 0 || !inspector.readsBody(exchange.requestHeaders)) {
      return this.#judge(exchange, NOTHING);
    }
    // One more tells whether there is more.
    const bytes = firstBytes(body, bodyBytes + 1);
    return bytes instanceof Promise
      ? bytes.then((first) => this.#judge(exchange, first))
      : this.#judge(exchange, bytes);
  }

  #judge(exchange: Exchange, first: Uint8Array): Settled {
    const { inspector, mode, threshold, bodyBytes, counters } = this.#options;
    if (first.byteLength > bodyBytes) counters.bodiesCut += 1;
    const finding = inspector.inspect(exchange, first.subarray(0, bodyBytes));
    if (finding === null || finding.score < threshold) return undefined;
    const what = `${finding.rules.join(', ')} (score ${finding.score})`;
    if (mode === 'block') return new ProxyError('forbidden', `attack: ${what}`);
    this.#report(exchange, what);
    return undefined;
  }

  #report(exchange: Exchange, what: string): void {
    const { events, route, nowMs } = this.#options;
    const now = nowMs();
    if (now - this.#sinceMs >= REPORTS_MS) {
      const left = this.#reports - REPORTS_MAX;
      if (left > 0) events.warn({ route, left }, 'further requests looked like attacks');
      this.#sinceMs = now;
      this.#reports = 0;
    }
    this.#reports += 1;
    if (this.#reports > REPORTS_MAX) return;
    const { requestId } = exchange;
    events.warn({ route, requestId, rules: what }, 'this request looks like an attack');
  }
}
