// Encodings of answers that a cache keeps: each is made once, when the first client wants it, and kept beside
// the plain body. What is asked for often is made again, as dense as can be, in the background.
//
//   first client ─► usual level, in a thread ─► kept ─► … BETTER_AFTER_HITS hits ─► best level ─► kept

import type { CachedVariant } from '../../core/cache.ts';
import type { CompressionPolicy, ContentCoding } from '../../core/compression.ts';
import { KIB, MIB } from '../../core/limits.ts';
import type { Offload } from '../../core/offload.ts';
import { encodeWhole } from '../../std/encode.ts';
import type { BackgroundEncoder } from './background-encoder.ts';
import type { Compression } from './compression.ts';

/**
 * Up to here the loop does it itself: 16 KiB take 60–90 µs at the usual levels, and to hand a body to a
 * thread and take it back costs the loop about as much (docs/compression.md).
 */
export const INLINE_BYTES_MAX = 16 * KIB;

/** Asked for as often, an answer is worth the best that there is. */
export const BETTER_AFTER_HITS = 32;

/** Longer ones take seconds at the best levels. */
const BETTER_BYTES_MAX = 1 * MIB;

const BEST_LEVELS: Readonly<Record<ContentCoding, number>> = { zstd: 19, br: 11, gzip: 9 };

/** Who keeps encodings: the store of the cache. */
export interface EncodingKeeper {
  addEncoding(variant: CachedVariant, coding: string, body: Uint8Array): void;
}

/** What is known of one coding of a stored body. */
interface Progress {
  /** Who asked last had this one: a 304 or a soft purge gives a body another head, and the former is gone. */
  latest: CachedVariant;
  hits: number;
  /** Is being made for the first time: who wants it too waits for the same. */
  making: Promise<Uint8Array | null> | null;
  /** Would be longer than the plain body. */
  isUseless: boolean;
}

export class StoredEncodings {
  readonly #policy: CompressionPolicy;
  readonly #compression: Compression;
  readonly #offload: Offload;
  readonly #background: BackgroundEncoder;
  readonly #keeper: EncodingKeeper;
  /** By the plain body, which outlives new heads. */
  readonly #progress = new WeakMap<Uint8Array, Map<ContentCoding, Progress>>();

  constructor(policy: CompressionPolicy, compression: Compression, keeper: EncodingKeeper) {
    this.#policy = policy;
    this.#compression = compression;
    this.#offload = compression.offload;
    this.#background = compression.background;
    this.#keeper = keeper;
  }

  /** Returns what is there already and counts as a hit; null when it must be made. */
  find(variant: CachedVariant, coding: ContentCoding): Uint8Array | null {
    const encoded = variant.encodings?.get(coding);
    if (encoded === undefined) return null;
    const progress = this.#of(variant, coding);
    progress.hits += 1;
    // What finds no place in the queue is counted anew.
    if (progress.hits === BETTER_AFTER_HITS && !this.#makeBetter(variant, coding)) {
      progress.hits = 0;
    }
    return encoded;
  }

  /** It was made, and was no shorter: the answer goes out as it is. */
  isUseless(variant: CachedVariant, coding: ContentCoding): boolean {
    return this.#of(variant, coding).isUseless;
  }

  /** Returns the encoding, soon; null when the answer is to go out as it is. Never rejects. */
  make(variant: CachedVariant, coding: ContentCoding): Promise<Uint8Array | null> | null {
    const progress = this.#of(variant, coding);
    if (progress.isUseless) return null;
    progress.making ??= this.#make(variant, coding, progress);
    return progress.making;
  }

  async #make(
    variant: CachedVariant,
    coding: ContentCoding,
    progress: Progress,
  ): Promise<Uint8Array | null> {
    const { body } = variant;
    try {
      const encoded = await this.#encode(body, coding);
      if (encoded === null) {
        this.#compression.counters.skipped += 1;
        return null;
      }
      progress.isUseless = encoded.byteLength >= body.byteLength;
      if (progress.isUseless) return null;
      this.#compression.count(coding, body.byteLength, encoded.byteLength);
      this.#keeper.addEncoding(progress.latest, coding, encoded);
      return encoded;
    } catch {
      // The thread died; its pool counts that. The plain body is still here.
      return null;
    } finally {
      progress.making = null;
    }
  }

  #encode(body: Uint8Array, coding: ContentCoding): Promise<Uint8Array> | Uint8Array | null {
    const level = this.#policy.levels[coding];
    if (body.byteLength <= INLINE_BYTES_MAX) return encodeWhole(body, coding, level);
    // The store keeps the plain body: a copy is what crosses over.
    const copy = copyOf(body);
    const task = this.#offload.run('encode', { body: copy, coding, level }, [copy.buffer]);
    return task as Promise<Uint8Array> | null;
  }

  /** False when it can't be now. */
  #makeBetter({ body }: CachedVariant, coding: ContentCoding): boolean {
    const level = BEST_LEVELS[coding];
    if (body.byteLength > BETTER_BYTES_MAX || level <= this.#policy.levels[coding]) return true;
    // It may wait for minutes: what the store drops meanwhile must not stay for its sake.
    const kept = new WeakRef(body);
    return this.#background.add({
      make: () => {
        const plain = kept.deref();
        return plain === undefined ? null : { body: copyOf(plain), coding, level };
      },
      made: (encoded) => {
        const plain = kept.deref();
        const latest = plain && this.#progress.get(plain)?.get(coding)?.latest;
        const before = latest?.encodings?.get(coding);
        if (before === undefined || encoded.byteLength >= before.byteLength) return;
        this.#keeper.addEncoding(latest!, coding, encoded);
      },
    });
  }

  #of(variant: CachedVariant, coding: ContentCoding): Progress {
    const { body } = variant;
    let codings = this.#progress.get(body);
    if (codings === undefined) {
      codings = new Map();
      this.#progress.set(body, codings);
    }
    let progress = codings.get(coding);
    if (progress === undefined) {
      progress = { latest: variant, hits: 0, making: null, isUseless: false };
      codings.set(coding, progress);
    }
    progress.latest = variant;
    return progress;
  }
}

function copyOf(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Buffer.allocUnsafeSlow(body.byteLength);
  copy.set(body);
  return copy;
}
