// A session by something that is in the request anyway: a header field, or a cookie of the application's
// own. Which peer it is on is looked up in a table that all workers share.

import { cookieValue, setCookieValue } from '../../core/cookies.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import type { Peer } from '../../core/peer.ts';
import type { Session, SessionTable } from '../../core/session.ts';
import type { HalfSipHash } from '../../std/half-sip-hash.ts';
import { isServed } from './settles.ts';

export interface TableSessionOptions {
  readonly by: 'header' | 'learned-cookie';
  /** Name of the field, or of the cookie. */
  readonly name: string;
  readonly table: SessionTable;
  /** What is remembered of a session instead of its name; the same in every worker. */
  readonly hash: HalfSipHash;
  readonly peers: readonly Peer[];
  /** The time of day. */
  readonly wallMs: () => number;
}

export class TableSession implements Session {
  readonly #learns: boolean;
  readonly #name: string;
  readonly #table: SessionTable;
  readonly #hash: HalfSipHash;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #wallMs: () => number;

  constructor({ by, name, table, hash, peers, wallMs }: TableSessionOptions) {
    this.#learns = by === 'learned-cookie';
    this.#name = this.#learns ? name : name.toLowerCase();
    this.#table = table;
    this.#hash = hash;
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]));
    this.#wallMs = wallMs;
  }

  open(exchange: Exchange): void {
    const key = this.#keyOf(exchange);
    if (key === '') return;
    this.#hash.update(key);
    const id = this.#table.find(this.#hash.high, this.#hash.low);
    if (id !== null) exchange.sessionPeer = this.#peers.get(id) ?? null;
  }

  /** A session that the table does not know, or whose peer could not take it, is on this one from now on. */
  settle(exchange: Exchange): void {
    if (!isServed(exchange)) return;
    const given = this.#learns
      ? setCookieValue(exchange.responseHeaders, this.#name, this.#wallMs)
      : null;
    if (given !== null) this.#stick(given, exchange);
    if (exchange.peer === exchange.sessionPeer) return;
    const key = this.#keyOf(exchange);
    if (key !== '' && key !== given) this.#stick(key, exchange);
  }

  #keyOf({ requestHeaders }: Exchange): string {
    const key = this.#learns
      ? cookieValue(requestHeaders, this.#name)
      : headerValue(requestHeaders, this.#name);
    return key ?? '';
  }

  #stick(key: string, { peer }: Exchange): void {
    this.#hash.update(key);
    this.#table.stick(this.#hash.high, this.#hash.low, peer!.id);
  }
}
