// The key of a request: one text per thing that could be answered differently. No two requests that differ
// in a part of it have the same: parts are divided by bytes that can't be in them.

import { cookieValue } from '../../core/cookies.ts';
import type { Exchange } from '../../core/exchange.ts';
import { keyHashEnd, keyHashFurther, keyHashStart, setKeyHash } from '../../std/key-hash.ts';
import { joinedValue } from './fields.ts';
import { normalQuery, type QueryRule } from './query-key.ts';

/** Chosen by the operator. */
export interface KeyRule {
  readonly query: QueryRule;
  readonly headers: readonly string[];
  readonly cookies: readonly string[];
  readonly byDevice: boolean;
}

/** Whether nothing but the URL counts, as it is. */
export function isPlainRule({ query, headers, cookies, byDevice }: KeyRule): boolean {
  return query.kind === 'exact' && headers.length + cookies.length === 0 && !byDevice;
}

/** What a peer is told in the name of a trusted sender; null for nobody's, else '' or parts of a key. */
export type ToldFields = ((exchange: Exchange) => string) | null;

/** A longer key is not worth its memory: such requests go past the cache. */
const KEY_CHARS_MAX = 8192;

/** A power of two. */
const MEMOS = 512;
const MEMO_CHARS_MAX = 512;

/** What all keys and URLs of one host begin with. */
interface Place {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  readonly keyStart: string;
  /** State of the hash after that. */
  readonly hashed: number;
  readonly origin: string;
}

interface Memo {
  target: string;
  keyStart: string;
  key: string;
}

/** Makes the keys of one route. */
export class CacheKeys {
  /** Of every key. */
  readonly #route: string;
  readonly #rule: KeyRule;
  readonly #isPlain: boolean;
  readonly #told: ToldFields;
  /** Where the last request went: most go to the same. */
  #place: Place = { scheme: 'http', host: '', port: 0, keyStart: '', hashed: 0, origin: '' };
  /**
   * The last keys that the URL alone made: what is asked for again and again has the same string each time,
   * which is neither put together nor hashed anew (a hit of 1 KiB: 0.97 of the CPU). Not the first time:
   * most is asked for once, and texts that old objects point to are work for the garbage collector.
   */
  readonly #memos = Array.from({ length: MEMOS }, (): Memo => {
    return { target: '', keyStart: '', key: '' };
  });
  /** Hashes of these keys, and of the last ones that were made: no other object is touched than the right one. */
  readonly #memoHashes = new Int32Array(MEMOS).fill(-1);
  readonly #lastHashes = new Int32Array(MEMOS).fill(-1);

  constructor(route: string, rule: KeyRule, told: ToldFields = null) {
    this.#route = route;
    this.#rule = rule;
    this.#told = told;
    this.#isPlain = isPlainRule(rule);
  }

  /** Returns the key, or null when it would be too long. */
  of(exchange: Exchange): string | null {
    if (!this.#isPlain || this.#told !== null) return this.#make(exchange);
    const { target } = exchange;
    const { keyStart, hashed } = this.#placeOf(exchange);
    const hash = keyHashEnd(keyHashFurther(hashed, target));
    const at = hash & (MEMOS - 1);
    if (this.#memoHashes[at] === hash) {
      const memo = this.#memos[at]!;
      if (memo.target === target && memo.keyStart === keyStart) {
        setKeyHash(memo.key, hash);
        return memo.key;
      }
    }
    const key = keyStart + target;
    if (key.length > KEY_CHARS_MAX) return null;
    setKeyHash(key, hash);
    if (this.#lastHashes[at] !== hash) this.#lastHashes[at] = hash;
    else if (key.length <= MEMO_CHARS_MAX) {
      this.#memos[at] = { target, keyStart, key };
      this.#memoHashes[at] = hash;
    }
    return key;
  }

  #make(exchange: Exchange): string | null {
    const rest = this.#isPlain ? exchange.target : this.#chosen(exchange);
    const told = this.#told === null ? '' : this.#told(exchange);
    const { keyStart, hashed } = this.#placeOf(exchange);
    const key = keyStart + rest + told;
    if (key.length > KEY_CHARS_MAX) return null;
    setKeyHash(key, keyHashEnd(keyHashFurther(keyHashFurther(hashed, rest), told)));
    return key;
  }

  #placeOf({ scheme, host, entry: { port } }: Exchange): Place {
    const last = this.#place;
    if (last.scheme === scheme && last.port === port && last.host === host) return last;
    // Neither host nor target holds a blank or a control byte; a route's name holds no line feed. The port
    // is told to peers (X-Forwarded-Port), whatever Host says.
    const keyStart = `${this.#route}\n${scheme}:${port} ${host.toLowerCase()} `;
    const hashed = keyHashFurther(keyHashStart, keyStart);
    this.#place = { scheme, host, port, keyStart, hashed, origin: originOf(scheme, host) };
    return this.#place;
  }

  /** Returns `scheme://host` of the request: see `originOf`. */
  originOf(exchange: Exchange): string {
    return this.#placeOf(exchange).origin;
  }

  /** Returns the URL by which an answer to this target is purged: with the query in the form that counts. */
  urlOf(exchange: Exchange, target: string): string {
    return this.originOf(exchange) + normalQuery(target, this.#rule.query);
  }

  #chosen(exchange: Exchange): string {
    const { requestHeaders: headers } = exchange;
    const { query, headers: names, cookies, byDevice } = this.#rule;
    let key = normalQuery(exchange.target, query);
    // A missing part is not an empty one. Values hold no line feed.
    for (const name of names) key += part(joinedValue(headers, name));
    for (const name of cookies) key += part(cookieValue(headers, name));
    if (byDevice) key += `\n${deviceOf(joinedValue(headers, 'user-agent') ?? '')}`;
    return key;
  }
}

function part(value: string | null): string {
  return value === null ? '\n' : `\n=${value}`;
}

/** Returns `scheme://host`, lower-case, without a default port. */
export function originOf(scheme: 'http' | 'https', host: string): string {
  const port = scheme === 'http' ? ':80' : ':443';
  const name = host.toLowerCase();
  return `${scheme}://${name.endsWith(port) ? name.slice(0, -port.length) : name}`;
}

const TABLET = /ipad|tablet|playbook|silk(?!.*mobile)|android(?!.*mobile)/i;
const PHONE = /mobi|iphone|ipod|android|blackberry|opera mini|windows phone/i;

/** Tells kinds of devices apart, as roughly as pages do. */
export function deviceOf(userAgent: string): 'phone' | 'tablet' | 'other' {
  if (TABLET.test(userAgent)) return 'tablet';
  return PHONE.test(userAgent) ? 'phone' : 'other';
}
