// A session by a cookie that the proxy sets: all there is to know stands in the cookie, so that it outlives
// every process here and holds on any host with the same secret.

import { takeCookies } from '../../core/cookies.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import type { Peer } from '../../core/peer.ts';
import type { Session } from '../../core/session.ts';
import { PeerTokens } from './peer-tokens.ts';
import { isServed } from './settles.ts';

export interface CookieSessionOptions {
  /** Name of the cookie. */
  readonly name: string;
  readonly secret: string;
  /** A session that is not used for so long may be forgotten; a quarter longer, and it is. */
  readonly ttlMs: number;
  readonly peers: readonly Peer[];
  /** The time of day. */
  readonly wallMs: () => number;
}

/** Cookies of one name that are looked at; a client of good will sends one. */
const cookiesMax = 4;

export class CookieSession implements Session {
  readonly #name: string;
  readonly #tokens: PeerTokens;
  /** A used session is told to the client again at this age; and forgotten at that. */
  readonly #dueSeconds: number;
  readonly #endSeconds: number;
  readonly #attributes: string;

  constructor({ name, secret, ttlMs, peers, wallMs }: CookieSessionOptions) {
    this.#name = name;
    this.#tokens = new PeerTokens(secret, peers, wallMs);
    this.#dueSeconds = ttlMs / 4000;
    this.#endSeconds = Math.ceil(ttlMs / 800);
    this.#attributes = `; Path=/; Max-Age=${this.#endSeconds}; HttpOnly; SameSite=Lax`;
  }

  open(exchange: Exchange): void {
    const values = takeCookies(exchange.requestHeaders, this.#name);
    if (values === null) return;
    for (let at = 0; at < values.length && at < cookiesMax; at++) {
      const peer = this.#tokens.read(values[at]!);
      const { ageSeconds } = this.#tokens;
      if (peer === null || ageSeconds > this.#endSeconds) continue;
      exchange.sessionPeer = peer;
      exchange.sessionIsDue = Math.abs(ageSeconds) > this.#dueSeconds;
      return;
    }
  }

  settle(exchange: Exchange): void {
    const peer = exchange.peer!;
    if (peer === exchange.sessionPeer && !exchange.sessionIsDue) return;
    if (!isServed(exchange)) return;
    const token = this.#tokens.make(peer);
    if (token === null) return;
    const secure = isSecure(exchange) ? '; Secure' : '';
    exchange.responseHeaders.push(
      'set-cookie',
      `${this.#name}=${token}${this.#attributes}${secure}`,
    );
  }
}

/** The client speaks TLS: to us, or to a proxy that is trusted to say so (others' words are gone by now). */
function isSecure({ entry, requestHeaders }: Exchange): boolean {
  if (entry.scheme === 'https') return true;
  return headerValue(requestHeaders, 'x-forwarded-proto') === 'https';
}
