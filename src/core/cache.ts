// The HTTP cache as its two halves see it: decisions and the life of a request (worker/cache) on one side,
// where answers are kept (memory, disk, all workers) on the other.
//
// Times are Unix time in ms (`Date.now()`), because entries outlive processes.

import type { Exchange } from './exchange.ts';
import type { RawHeaders } from './headers.ts';
import type { Sink } from './sink.ts';

/** What is known of an answer, decided once when it is stored. Plain data, never changed. */
export interface StoredResponse {
  /** Which request it answers, all but its variants: opaque, a byte string of at most 8 KiB. */
  readonly key: string;
  /**
   * `scheme://host/path?query` in lower case up to the path, the query in the form that counts: purged by
   * it, and by its prefixes.
   */
  readonly url: string;
  /** Route that stored it. */
  readonly route: string;
  readonly status: number;
  /** End-to-end fields, without Age. */
  readonly headers: RawHeaders;
  readonly bodyBytes: number;
  /** Request fields that chose it: name, normalised value, name…; empty when there is no Vary. */
  readonly vary: readonly string[];
  /** The same as one string: an answer takes the place of a former one with the same key and this. */
  readonly varyKey: string;
  /** Surrogate-Key, Cache-Tag and, prefixed by their origin, Cache-Groups. */
  readonly tags: readonly string[];
  /** `CacheStore.generation` when the request for it was sent: a purge after that reaches it. */
  readonly generation: number;
  /** When the answer was made: its age is counted from here. */
  readonly bornMs: number;
  /** When it came or was last validated. */
  readonly storedAtMs: number;
  /** How long the peer took for the head: what a refresh costs. */
  readonly fetchMs: number;
  /** From here on a hit may set off a refresh before the end of freshness. */
  readonly refreshFromMs: number;
  /** Fresh before this; 0 when it must be validated each time. */
  readonly freshUntilMs: number;
  /** May be served stale before this while it is refreshed. */
  readonly staleWhileRevalidateUntilMs: number;
  /** May be served stale before this when the peer fails. */
  readonly staleIfErrorUntilMs: number;
  /** Of no use from here on, even for validation: whoever keeps it forgets it. */
  readonly keepUntilMs: number;
  /** Validators as received; '' for none. */
  readonly etag: string;
  readonly lastModified: string;
}

/** A body that is too long for memory, read from disk piece by piece. */
export interface StoredFile {
  readonly byteLength: number;
  /** Fills `piece` from that offset; false when it can't be read. Never rejects. */
  read(piece: Uint8Array, offset: number): Promise<boolean>;
  /** One more reads it; each who holds it releases it once. */
  hold(): void;
  release(): void;
}

/** A stored answer in the memory of this worker. */
export class CachedVariant {
  readonly response: StoredResponse;
  /** The whole body in one piece, empty when it is in `file`; never written to. */
  readonly body: Uint8Array;
  /** Where the body is instead; only while it is fresh, and for those who waited for the disk. */
  readonly file: StoredFile | null;
  /** The body in other content codings, by name; kept and counted by the store. */
  encodings: Map<string, Uint8Array> | null = null;
  /** Header list for the client at `headSecond` (Age), made by worker/cache. */
  head: RawHeaders | null = null;
  headSecond = -1;
  /** A refresh of it runs in this worker. */
  isRefreshing = false;

  constructor(response: StoredResponse, body: Uint8Array, file: StoredFile | null = null) {
    this.response = response;
    this.body = body;
    this.file = file;
  }
}

/** All that is in memory under one key. */
export interface CacheEntry {
  /** Newest first; at most `variantsMax` of the store. Empty when only `passUntilMs` is known. */
  readonly variants: readonly CachedVariant[];
  /** The last answer must not be stored: until then nobody waits for another's fetch; 0 else. */
  readonly passUntilMs: number;
}

/** What a purge means. `tag` values are those of `StoredResponse.tags`; `all` has ''. */
export interface PurgeCommand {
  readonly kind: 'url' | 'prefix' | 'tag' | 'all';
  readonly value: string;
  /** Stale from now on instead of gone: can be validated, and serves while peers fail. */
  readonly isSoft: boolean;
}

/** How a fetch under a lease ended. */
export type LeaseEnd =
  /** `store` has been called with it. */
  | 'stored'
  /** Known from the head on: everybody who waits fetches for himself, and nobody waits for 120 s. */
  | 'uncacheable'
  /** Somebody else may try. */
  | 'failed';

/** The right to fetch for everybody; expires 5 s after it was granted (then others may get it too). */
export interface Lease {
  /** Idempotent. `freshUntilMs`: others may ask for what was stored until then; 0 for nothing. */
  release(end: LeaseEnd, freshUntilMs: number): void;
}

/** Who wants to fetch. Exactly one of these is called, once, perhaps before `lease` returns. */
export interface LeaseSeeker {
  /** Fetch, and release. */
  granted(lease: Lease): void;
  /** Another worker has fetched: it is in the memory of this one now (`find`). */
  shared(): void;
  /** Fetch without: not cacheable, waited 5 s, too many leases, or no sidecar. */
  denied(): void;
}

/** One per worker. Nothing of it throws; a full or failing disk only turns that tier off. */
export interface CacheStore {
  /** Counts purges; see `StoredResponse.generation`. */
  readonly generation: number;
  /** There is a disk tier, and it works. */
  readonly hasDisk: boolean;
  /** Returns what is in memory and not purged, and counts as a use. Never allocates for a hit. */
  find(key: string): CacheEntry | null;
  /**
   * Looks on disk and moves what it finds to memory; null when there is nothing. What is too large for that
   * is in the entry alone; its files are to be released. Never rejects.
   */
  fetch(key: string): Promise<CacheEntry | null>;
  /** Some URLs or tags are being purged: asked for, and not counted yet. */
  readonly isPurging: boolean;
  /** Whether one of them may reach what a fetch from that URL will bring: by it, or by any tag. */
  mayBePurged(url: string): boolean;
  /** Whether a purge after that generation, or one that is under way, reaches the URL, hard or soft. */
  isPurged(url: string, since: number): boolean;
  /** Keeps an answer in memory and, where there is one, on disk. The body is the store's from now on. */
  store(response: StoredResponse, body: Uint8Array): CachedVariant;
  /** A validated answer: same body, new head. */
  replaceHead(variant: CachedVariant, response: StoredResponse): CachedVariant;
  /** Keeps a further encoding of a stored body; nothing happens when the variant is gone. */
  addEncoding(variant: CachedVariant, coding: string, body: Uint8Array): void;
  /** Answers to this key must not be stored: nobody waits for them until then. */
  pass(key: string, untilMs: number): void;
  /** Forgets a key in this worker and on disk. */
  remove(key: string): void;
  /** Resolves when all workers and the disk have done it; false when some could not be reached. */
  purge(command: PurgeCommand): Promise<boolean>;
  /**
   * Asks for the right to fetch, over all workers. Variants that are known apart are fetched apart: behind
   * the key stands NUL and what `varyKey` is expected to be.
   */
  lease(leaseKey: string, seeker: LeaseSeeker): void;
}

/** What the cache did with an exchange, for log and metrics. */
export type CacheStatus = 'hit' | 'stale' | 'revalidated' | 'collapsed' | 'miss' | 'bypass';

/** The cache of a plan, called by serve and forward. */
export interface CacheUse {
  /**
   * Looks before anything is sent to a peer. True: the exchange is answered, or will be; false: it goes to
   * the upstream and comes back by `attach`.
   */
  serve(exchange: Exchange): boolean;
  /** The response head is there, as it would be stored: returns where the body goes, the client last. */
  attach(exchange: Exchange): Sink;
}

/** A fetch for the cache that is a client's own exchange at the same time; others may wait for it. */
export interface CacheFetch {
  /** What `CacheUse.attach` does, for this exchange. */
  attach(): Sink;
  /** The client is about to be told of `Exchange.failure`: no response will come. */
  refused(): void;
  /** The client has left before its response was complete. True: what runs goes on, for others. */
  outlivesClient(): boolean;
  /** Nothing more is sent to the client. True: the exchange is not over, and has no client from now on. */
  goesOn(): boolean;
}
