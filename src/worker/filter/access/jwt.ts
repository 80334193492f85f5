// JSON Web Tokens (RFC 7519) signed by somebody else. Algorithms are pinned: a token does not get to say
// how it is to be checked (RFC 8725 section 3.1). A token that was good is remembered until it ends.

import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { claimOf, claimText, claimValues, toByteString } from '../../../core/claims.ts';
import { cookieValue, takeCookies } from '../../../core/cookies.ts';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import { messageOf } from '../../../std/message-of.ts';
import {
  type AccessCheck,
  type Refusal,
  removeAuthorization,
  removeFields,
  unauthorized,
} from './check.ts';
import { concealQueryParameter, queryParameter, withoutQueryParameter } from './query.ts';
import { Verdicts } from './verdicts.ts';

const ENTRIES_MAX = 10_000;
const TOKEN_BYTES_MAX = 8192;
const KNOWN_MS_MAX = 5 * 60_000;

/** Keys that tokens are checked with. */
export interface TokenKeys {
  readonly getKey: JWTVerifyGetKey;
  /** Changes with the keys: what was found out before is out of date. */
  readonly version: number;
  /** There have never been any. */
  readonly isEmpty: boolean;
}

export interface JwtOptions {
  readonly keys: TokenKeys;
  readonly algorithms: readonly string[];
  readonly issuers: readonly string[];
  readonly audiences: readonly string[];
  readonly clockSkewMs: number;
  /** `authorization` (Bearer), `cookie:NAME`, `header:NAME` or `query:NAME`. */
  readonly from: string;
  /** Field for the peer (lower-case) → claim. */
  readonly claimHeaders: Readonly<Record<string, string>>;
  /** Claim → values of which it must have one. */
  readonly require: Readonly<Record<string, readonly string[]>>;
  readonly forwards: boolean;
  readonly nowMs: () => number;
}

export class JwtCheck implements AccessCheck {
  readonly name = 'jwt';
  readonly #options: JwtOptions;
  readonly #verdicts = new Verdicts<JWTPayload>(ENTRIES_MAX);
  #version = 0;

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  check(exchange: Exchange): Refusal | null | Promise<Refusal | null> {
    const { keys, nowMs } = this.#options;
    const token = this.#tokenOf(exchange);
    if (token === null) return unauthorized('no token', 'Bearer');
    if (token.length > TOKEN_BYTES_MAX) return this.#invalid('a token that is too large');
    if (this.#version !== keys.version) this.#verdicts.clear();
    this.#version = keys.version;
    const key = this.#verdicts.keyOf(token);
    const known = this.#verdicts.get(key, nowMs());
    return known === undefined ? this.#verify(exchange, token, key) : this.#admit(exchange, known);
  }

  conceal(exchange: Exchange): void {
    const [kind, name = ''] = splitSource(this.#options.from);
    if (kind === 'query') concealQueryParameter(exchange, name);
  }

  strip(exchange: Exchange): void {
    if (this.#options.forwards) return;
    const [kind, name = ''] = splitSource(this.#options.from);
    const { requestHeaders, target } = exchange;
    if (kind === 'header') removeFields(requestHeaders, new Set([name]));
    else if (kind === 'cookie') takeCookies(requestHeaders, name);
    else if (kind === 'query') exchange.target = withoutQueryParameter(target, name);
    else removeAuthorization(requestHeaders, 'bearer ');
  }

  async #verify(exchange: Exchange, token: string, key: string): Promise<Refusal | null> {
    const { keys, algorithms, issuers, audiences, clockSkewMs, nowMs } = this.#options;
    if (keys.isEmpty) return new ProxyError('access_unavailable', 'no keys for tokens yet');
    const { jwtVerify } = await import('jose');
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keys.getKey, {
        algorithms: [...algorithms],
        clockTolerance: clockSkewMs / 1000,
        currentDate: new Date(nowMs()),
        requiredClaims: ['exp'],
        ...(issuers.length === 0 ? {} : { issuer: [...issuers] }),
        ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
      });
      claims = verified.payload;
    } catch (error) {
      return this.#invalid(messageOf(error));
    }
    const untilMs = Math.min(nowMs() + KNOWN_MS_MAX, claims.exp! * 1000 + clockSkewMs);
    this.#verdicts.set(key, claims, untilMs);
    return this.#admit(exchange, claims);
  }

  #admit(exchange: Exchange, claims: JWTPayload): Refusal | null {
    for (const [claim, values] of Object.entries(this.#options.require)) {
      if (!claimValues(claimOf(claims, claim)).some((value) => values.includes(value))) {
        return new ProxyError('forbidden', `the token's ${claim} is not one of those required`);
      }
    }
    exchange.isIdentified = true;
    exchange.claims = claims;
    exchange.user = typeof claims.sub === 'string' ? toByteString(claims.sub) : '';
    for (const [field, claim] of Object.entries(this.#options.claimHeaders)) {
      const value = toByteString(claimText(claimOf(claims, claim)));
      if (value !== '') exchange.requestHeaders.push(field, value);
    }
    return null;
  }

  #invalid(detail: string): Refusal {
    return unauthorized(detail, 'Bearer error="invalid_token"');
  }

  #tokenOf(exchange: Exchange): string | null {
    const { from } = this.#options;
    const [kind, name = ''] = splitSource(from);
    const { requestHeaders } = exchange;
    if (kind === 'cookie') return cookieValue(requestHeaders, name);
    if (kind === 'query') return queryParameter(exchange.target, name) ?? null;
    if (kind === 'header') return headerValue(requestHeaders, name) ?? null;
    const field = headerValue(requestHeaders, 'authorization') ?? '';
    const [, token = null] = /^bearer +([A-Za-z0-9_.=-]+) *$/i.exec(field) ?? [];
    return token;
  }
}

function splitSource(from: string): [kind: string, name?: string] {
  const colon = from.indexOf(':');
  return colon < 0 ? [from] : [from.slice(0, colon), from.slice(colon + 1)];
}
