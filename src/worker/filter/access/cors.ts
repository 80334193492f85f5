// Cross-origin resource sharing (Fetch standard): answers preflights and says on responses who may read
// them. An origin is only ever named back when it is on the list; `*` never goes with credentials.

import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, RequestFilter, ResponseStage, Verdict } from '../../../core/filter.ts';
import { headerValue, type RawHeaders } from '../../../core/headers.ts';
import type { Sink } from '../../../core/sink.ts';
import { removeFields } from './check.ts';

export interface CorsOptions {
  /** `*`, or origins such as `https://app.example` and `https://*.example`, lower-case. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Request fields that may be sent; `*` for any. */
  readonly headers: readonly string[];
  /** Response fields that scripts may read. */
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

const NOTHING = new Uint8Array(0);
/** What peers say themselves gives way: two answers are none. */
const OURS: ReadonlySet<string> = new Set([
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
]);

export class Cors implements RequestFilter, ResponseStage {
  readonly name = 'cors';
  readonly #options: CorsOptions;
  readonly #isAny: boolean;
  readonly #exact: ReadonlySet<string>;
  /** Scheme and the ending of the host. */
  readonly #wild: readonly (readonly [start: string, end: string])[];

  constructor(options: CorsOptions) {
    this.#options = options;
    this.#isAny = options.origins.includes('*');
    this.#exact = new Set(options.origins.filter((origin) => !origin.includes('*')));
    this.#wild = options.origins
      .filter((origin) => origin !== '*' && origin.includes('*'))
      .map((origin) => [
        origin.slice(0, origin.indexOf('*')),
        origin.slice(origin.indexOf('*') + 1),
      ]);
  }

  /** Answers preflights; everything else goes on. */
  apply(exchange: Exchange): Verdict {
    if (exchange.method !== 'OPTIONS') return undefined;
    const { requestHeaders } = exchange;
    const origin = headerValue(requestHeaders, 'origin');
    const method = headerValue(requestHeaders, 'access-control-request-method');
    if (origin === undefined || method === undefined) return undefined;
    return this.#preflight(origin, headerValue(requestHeaders, 'access-control-request-headers'));
  }

  /** Says who may read the response. */
  attach(exchange: Exchange, next: Sink): Sink {
    // The list may be that of a stored answer.
    const headers = exchange.responseHeaders.slice();
    exchange.responseHeaders = headers;
    removeFields(headers, OURS);
    const origin = headerValue(exchange.requestHeaders, 'origin');
    if (!this.#isAny) headers.push('vary', 'Origin');
    if (origin === undefined || !this.#allows(origin)) return next;
    this.#grant(headers, origin);
    const { exposeHeaders } = this.#options;
    if (exposeHeaders.length > 0) {
      headers.push('access-control-expose-headers', exposeHeaders.join(', '));
    }
    return next;
  }

  #preflight(origin: string, asked: string | undefined): Reply {
    const { methods, headers: allowed, maxAgeSeconds } = this.#options;
    const vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
    const headers: RawHeaders = ['vary', vary];
    if (!this.#allows(origin)) return { status: 403, headers, body: NOTHING };
    this.#grant(headers, origin);
    headers.push('access-control-allow-methods', methods.join(', '));
    // With credentials the standard takes `*` for a name: what was asked for is named instead.
    const names = allowed.includes('*') ? (asked ?? '') : allowed.join(', ');
    if (names !== '') headers.push('access-control-allow-headers', names);
    headers.push('access-control-max-age', String(maxAgeSeconds));
    return { status: 204, headers, body: NOTHING };
  }

  #grant(headers: RawHeaders, origin: string): void {
    headers.push('access-control-allow-origin', this.#isAny ? '*' : origin);
    if (this.#options.credentials) headers.push('access-control-allow-credentials', 'true');
  }

  #allows(origin: string): boolean {
    if (this.#isAny) return true;
    const folded = origin.toLowerCase();
    if (this.#exact.has(folded)) return true;
    return this.#wild.some(
      ([start, end]) =>
        folded.startsWith(start) &&
        folded.endsWith(end) &&
        /^[a-z0-9.-]+$/.test(folded.slice(start.length, folded.length - end.length)),
    );
  }
}
