// The memory tier of one worker: answers by key, within a budget of bytes. What nobody has asked for yet is
// packed. What a purge has reached is found out here when it is looked at, and costs one compare while there
// was none.

import { CachedVariant, type CacheEntry, type StoredResponse } from '../../../core/cache.ts';
import { GONE, KEPT, type PurgeLog } from '../../../core/purge-log.ts';
import { ChurnMap } from '../../../std/churn-map.ts';
import { keyHash } from '../../../std/key-hash.ts';
import { S3Fifo, type Slot } from '../../../std/s3-fifo.ts';
import { PackedAnswers, type Unpacked } from './packed-answers.ts';
import { softened } from './soften.ts';
import { entryBytes, variantWeight } from './weight.ts';

/** Variants under one key; of more, the oldest goes. */
export const variantsMax = 16;
/** A heavier entry would push out too much of the rest. */
const entryShareMax = 0.5;
/** One hash is remembered for so many bytes of the budget. */
const bytesPerGhost = 4096;

class Entry implements CacheEntry {
  readonly key: string;
  variants: readonly CachedVariant[] = [];
  passUntilMs = 0;
  /** Purges up to this one have been looked at. */
  judgedAt = 0;

  constructor(key: string) {
    this.key = key;
  }
}

/** What the tier has done since it was made. */
export interface MemoryCounters {
  stored: number;
  evicted: number;
  purged: number;
  /** Answers too heavy to be kept. */
  refused: number;
}

export class MemoryTier {
  readonly counters: MemoryCounters = { stored: 0, evicted: 0, purged: 0, refused: 0 };
  readonly #slots = new ChurnMap<Slot<Entry>>();
  readonly #packed: PackedAnswers | null;
  readonly #policy: S3Fifo<Entry>;
  readonly #purges: PurgeLog;
  #bytesMax: number;

  constructor(bytesMax: number, purges: PurgeLog) {
    this.#purges = purges;
    this.#bytesMax = bytesMax;
    this.#packed = PackedAnswers.open(bytesMax, {
      nextOrder: () => this.#policy.nextOrder(),
      onEvict: (count) => {
        this.counters.evicted += count;
      },
    });
    this.#policy = new S3Fifo<Entry>({
      newcomers: this.#packed,
      weightMax: bytesMax,
      ghostsMax: Math.min(2 ** 20, Math.max(256, bytesMax / bytesPerGhost)),
      onEvict: (entry) => {
        this.#slots.delete(entry.key);
        this.counters.evicted += 1;
      },
    });
    this.resize(bytesMax);
  }

  get bytes(): number {
    return this.#policy.weight + this.#overheadBytes();
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  get entries(): number {
    return this.#slots.size + (this.#packed?.length ?? 0);
  }

  /** Returns what is there and not purged, and counts as a use. Allocates the first time, and after a purge. */
  find(key: string): CacheEntry | null {
    const slot = this.#slots.get(key) ?? this.#unpack(key, keyHash(key));
    if (slot === null) return null;
    const entry = slot.value;
    if (entry.judgedAt !== this.#purges.generation && !this.#judge(slot)) return null;
    this.#policy.use(slot);
    return entry;
  }

  /** The keys that have that `keyHash`: mostly one, or none. Not a use. */
  keysOf(hash: number): string[] {
    const keys = this.#slots.keysOf(hash);
    for (const key of this.#packed?.keysOf(hash) ?? []) if (!keys.includes(key)) keys.push(key);
    return keys;
  }

  /** Keeps a variant in place of a former one like it; returns how it is kept, null when it is purged. */
  store(response: StoredResponse, body: Uint8Array): CachedVariant | null {
    const verdict = this.#purges.judge(response, response.generation);
    if (verdict === GONE) return null;
    const kept = verdict === KEPT ? response : softened(response, verdict);
    if (this.#packs(kept, body)) return new CachedVariant(kept, body);
    return this.#keep(new CachedVariant(kept, owned(body)));
  }

  /** The same body with a new head; its encodings stay. */
  replaceHead(variant: CachedVariant, response: StoredResponse): CachedVariant | null {
    const verdict = this.#purges.judge(response, response.generation);
    if (verdict === GONE) return null;
    const kept = verdict === KEPT ? response : softened(response, verdict);
    return this.#keep(copyOf(variant, kept));
  }

  addEncoding(variant: CachedVariant, coding: string, body: Uint8Array): void {
    const slot = this.#slots.get(variant.response.key);
    if (slot?.value.variants.includes(variant) !== true) return;
    variant.encodings ??= new Map();
    variant.encodings.set(coding, owned(body));
    this.#reweigh(slot);
  }

  pass(key: string, untilMs: number): void {
    this.#slotOf(key).value.passUntilMs = untilMs;
  }

  remove(key: string): void {
    if (this.#packed?.length) this.#packed.remove(key, keyHash(key));
    const slot = this.#slots.get(key);
    if (slot === undefined) return;
    this.#slots.delete(key);
    this.#policy.remove(slot);
  }

  /** Forgets everything. */
  clear(): void {
    for (const slot of this.#slots.values()) this.#policy.remove(slot);
    this.#slots.clear();
    this.#packed?.clear();
  }

  /** A new budget; the table of what has left keeps its size. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#policy.resize(Math.max(0, bytesMax - this.#overheadBytes()));
  }

  #overheadBytes(): number {
    return this.#policy.overheadBytes + (this.#packed?.overheadBytes ?? 0);
  }

  /** Keeps a copy of what is new, as bytes; false when it is to be kept as it is. */
  #packs(response: StoredResponse, body: Uint8Array): boolean {
    const { key } = response;
    const packed = this.#packed;
    if (packed === null || this.#slots.has(key)) return false;
    const hash = keyHash(key);
    const isBack = this.#policy.isBack(hash);
    // Older ones of the same key stay behind it: to look for them costs as much as to put it in.
    if (isBack || !packed.put(response, body, hash)) {
      if (this.#unpack(key, hash) === null) this.#newSlot(new Entry(key), hash, isBack);
      return false;
    }
    this.counters.stored += 1;
    this.#policy.shrink();
    return true;
  }

  /** Makes objects of what was packed; null when nothing was. */
  #unpack(key: string, hash: number): Slot<Entry> | null {
    const packed = this.#packed;
    if (packed === null || packed.length === 0) return null;
    const answers = packed.take(key, hash);
    if (answers === null) return null;
    const entry = new Entry(key);
    entry.variants = newestOfEach(answers);
    return this.#newSlot(entry, hash, true);
  }

  #keep(variant: CachedVariant): CachedVariant {
    const { key, varyKey } = variant.response;
    const weight = entryBytes + variantWeight(variant);
    if (weight > this.#policy.weightMax * entryShareMax) {
      // What it replaces is no longer true.
      this.remove(key);
      this.counters.refused += 1;
      return variant;
    }
    const slot = this.#slotOf(key);
    const entry = slot.value;
    // What was there may be purged, and must not outlive that in a judged entry.
    if (entry.judgedAt !== this.#purges.generation && !this.#judge(slot))
      return this.#keep(variant);
    const others = entry.variants.filter(({ response }) => response.varyKey !== varyKey);
    entry.variants = [variant, ...others.slice(0, variantsMax - 1)];
    entry.passUntilMs = 0;
    this.counters.stored += 1;
    this.#reweigh(slot);
    return variant;
  }

  #slotOf(key: string): Slot<Entry> {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const hash = keyHash(key);
    const unpacked = this.#unpack(key, hash);
    if (unpacked !== null) return unpacked;
    const entry = new Entry(key);
    entry.judgedAt = this.#purges.generation;
    return this.#newSlot(entry, hash, this.#policy.isBack(hash));
  }

  #newSlot(entry: Entry, hash: number, isWanted: boolean): Slot<Entry> {
    const { key, variants } = entry;
    let weight = entryBytes + key.length * 2;
    for (const variant of variants) weight += variantWeight(variant);
    const slot = this.#policy.add(entry, { hash, weight, isWanted });
    if (slot.isIn) this.#slots.set(key, slot);
    return slot;
  }

  /** Other entries may have to go for it, or variants of its own: one key has no more than its share. */
  #reweigh(slot: Slot<Entry>): void {
    const entry = slot.value;
    const most = this.#policy.weightMax * entryShareMax;
    let weight = entryBytes;
    let kept = 0;
    for (const variant of entry.variants) {
      const its = variantWeight(variant);
      if (kept > 0 && weight + its > most) break;
      weight += its;
      kept += 1;
    }
    if (kept < entry.variants.length) entry.variants = entry.variants.slice(0, kept);
    this.#policy.reweigh(slot, weight);
  }

  /** Applies the purges that came since it was looked at last; false when nothing is left. */
  #judge(slot: Slot<Entry>): boolean {
    const entry = slot.value;
    const since = entry.judgedAt;
    const before = entry.variants;
    entry.judgedAt = this.#purges.generation;
    if (before.every(({ response }) => this.#verdictOn(response, since) === KEPT)) return true;
    const variants: CachedVariant[] = [];
    for (const variant of before) {
      const { response } = variant;
      const verdict = this.#verdictOn(response, since);
      if (verdict === KEPT) variants.push(variant);
      else if (verdict !== GONE) variants.push(copyOf(variant, softened(response, verdict)));
    }
    this.counters.purged += before.length - variants.length;
    if (variants.length === 0 && before.length > 0) {
      this.remove(entry.key);
      return false;
    }
    entry.variants = variants;
    if (variants.length < before.length) this.#reweigh(slot);
    return true;
  }

  #verdictOn(response: StoredResponse, since: number): number {
    return this.#purges.judge(response, Math.max(since, response.generation));
  }
}

/** Of answers to one key, newest first: each takes the place of older ones like it. */
function newestOfEach(answers: readonly Unpacked[]): CachedVariant[] {
  const variants: CachedVariant[] = [];
  for (const { response, body } of answers) {
    if (variants.length === variantsMax) break;
    const { varyKey } = response;
    if (variants.some((newer) => newer.response.varyKey === varyKey)) continue;
    variants.push(new CachedVariant(response, body));
  }
  return variants;
}

function copyOf(variant: CachedVariant, response: StoredResponse): CachedVariant {
  const copy = new CachedVariant(response, variant.body);
  copy.encodings = variant.encodings;
  return copy;
}

/** A small view of a large slab would hold all of it for as long as it is stored. */
function owned(body: Uint8Array): Uint8Array {
  if (body.byteLength === body.buffer.byteLength) return body;
  const copy = Buffer.allocUnsafeSlow(body.byteLength);
  copy.set(body);
  return copy;
}
