// What every way to ask for credentials promises, and the filter that asks.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, RequestFilter, Settled, Verdict } from '../../../core/filter.ts';
import { foldedName, headerValue, type RawHeaders } from '../../../core/headers.ts';

const AUTHORIZATION: ReadonlySet<string> = new Set(['authorization']);

/** Why somebody may not pass: a failure, or the answer of a server that was asked. */
export type Refusal = ProxyError | Reply;

/** One way to find out whether a client may pass. */
export interface AccessCheck {
  readonly name: string;
  /**
   * Returns null when the client may pass, after it put in what the peer is to know. Never throws, never
   * rejects.
   */
  check(exchange: Exchange): Refusal | null | Promise<Refusal | null>;
  /** Takes credentials out of what is logged: before anybody is asked, whatever comes of it. */
  conceal?(exchange: Exchange): void;
  /** Takes credentials out of what the peer gets: when the client passes, whichever check let it. */
  strip?(exchange: Exchange): void;
}

export interface AccessOptions {
  readonly checks: readonly AccessCheck[];
  /** `all`: every check has to let the client pass; `any`: one is enough. */
  readonly satisfy: 'all' | 'any';
  /** Fields that only we may set (lower-case, dashes): a client's own are taken out before anybody looks. */
  readonly reserved: ReadonlySet<string>;
}

export class AccessFilter implements RequestFilter {
  readonly name = 'access';
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  apply(exchange: Exchange): Verdict {
    const { reserved } = this.#options;
    if (reserved.size > 0) removeFields(exchange.requestHeaders, reserved);
    for (const check of this.#options.checks) check.conceal?.(exchange);
    return this.#from(exchange, 0, undefined);
  }

  #pass(exchange: Exchange): undefined {
    for (const check of this.#options.checks) check.strip?.(exchange);
  }

  /** Asks the checks from `at` on; `refusal` is that of those before, where one is enough. */
  #from(exchange: Exchange, at: number, refusal: Refusal | undefined): Verdict {
    const { checks, satisfy } = this.#options;
    for (let next = at; next < checks.length; next++) {
      const found = checks[next]!.check(exchange);
      if (found instanceof Promise) {
        return found.then((late) => this.#settle(exchange, next, late, refusal));
      }
      if (found === null && satisfy === 'any') return this.#pass(exchange);
      if (found !== null && satisfy === 'all') return found;
      if (found !== null) refusal = joinRefusals(refusal, found);
    }
    return refusal ?? this.#pass(exchange);
  }

  #settle(
    exchange: Exchange,
    at: number,
    found: Refusal | null,
    before: Refusal | undefined,
  ): Settled | Promise<Settled> {
    const { satisfy } = this.#options;
    if (found === null && satisfy === 'any') return this.#pass(exchange);
    if (found !== null && satisfy === 'all') return found;
    return this.#from(exchange, at + 1, found === null ? before : joinRefusals(before, found));
  }
}

/** The client learns all the ways that it could have taken: one that can be mended counts most. */
function joinRefusals(one: Refusal | undefined, other: Refusal): Refusal {
  if (one === undefined || !(one instanceof ProxyError) || !(other instanceof ProxyError)) {
    return one ?? other;
  }
  if (one.code !== other.code) return one.code === 'unauthorized' ? one : other;
  return new ProxyError(one.code, `${one.detail}; ${other.detail}`, 1, [
    ...one.headers,
    ...other.headers,
  ]);
}

/** Takes fields out of a list, in place; `names` are lower-case, with dashes. */
export function removeFields(headers: RawHeaders, names: ReadonlySet<string>): void {
  let kept = 0;
  for (let at = 0; at < headers.length; at += 2) {
    if (names.has(foldedName(headers[at]!))) continue;
    headers[kept] = headers[at]!;
    headers[kept + 1] = headers[at + 1]!;
    kept += 2;
  }
  headers.length = kept;
}

/** Takes Authorization out when it has credentials of `scheme` (lower-case, with its space). */
export function removeAuthorization(headers: RawHeaders, scheme: string): void {
  const field = headerValue(headers, 'authorization');
  if (field?.slice(0, scheme.length).toLowerCase() === scheme) removeFields(headers, AUTHORIZATION);
}

/** Returns the failure for a client without (valid) credentials, with the challenge to answer. */
export function unauthorized(detail: string, challenge: string): ProxyError {
  return new ProxyError('unauthorized', detail, 1, ['www-authenticate', challenge]);
}
