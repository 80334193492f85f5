// Where the answers of one worker are kept: memory, disk behind it, and the other workers beside it.

import {
  CachedVariant,
  type CacheEntry,
  type CacheStore,
  type LeaseSeeker,
  type PurgeCommand,
  type StoredFile,
  type StoredResponse,
} from '../../../core/cache.ts';
import {
  type CacheCountName,
  type CacheLink,
  cacheCountNames,
  type Denied,
  type Granted,
  type HandOver,
  type Shared,
} from '../../../core/cache-link.ts';
import type { Events } from '../../../core/events.ts';
import { GONE, KEPT } from '../../../core/purge-log.ts';
import { keyHash } from '../../../std/key-hash.ts';
import type { Timers } from '../../../std/timers.ts';
import { leaseKeyOf, partsOfLeaseKey } from '../lease-key.ts';
import { DiskTier } from './disk.ts';
import type { DiskAnswer } from './disk-reader.ts';
import { Handovers } from './handovers.ts';
import { Leases, leaseDigest } from './leases.ts';
import { MemoryTier } from './memory.ts';
import type { PurgeEnd } from './purge-end.ts';

/** What the sidecar says to a store. */
export type StoreMessage = Granted | Denied | Shared | HandOver;

const NO_BYTES = new Uint8Array(0);
/** What is found where something is being purged: nothing, and nobody waits for another's fetch. */
const BEING_PURGED: CacheEntry = { variants: [], passUntilMs: Number.POSITIVE_INFINITY };
export interface StoreOptions {
  /** Bytes of memory in this worker. */
  readonly memoryBytes: number;
  readonly disk: { readonly path: string; readonly bytes: number } | null;
  readonly events: Events;
  /** This is the only worker. */
  readonly isAlone: boolean;
  readonly link: CacheLink;
  /** What all stores of this worker know about purges. */
  readonly purges: PurgeEnd;
  readonly timers: Timers;
  /** Directory in which answers are handed to other workers. */
  readonly runDirectory: string;
}

export class Store implements CacheStore {
  readonly memory: MemoryTier;
  readonly #purges: PurgeEnd;
  readonly #isAlone: boolean;
  readonly #leases: Leases;
  readonly #handovers: Handovers;
  readonly #disk: DiskTier | null;
  #finds = 0;
  #found = 0;

  constructor(options: StoreOptions) {
    const { memoryBytes, disk, events, link, purges, timers, runDirectory } = options;
    this.#purges = purges;
    this.#isAlone = options.isAlone;
    this.memory = new MemoryTier(memoryBytes, purges.log);
    const isReady = () => purges.isComplete;
    this.#disk =
      disk === null ? null : new DiskTier({ ...disk, memoryBytes, events, timers, isReady });
    this.#handovers = new Handovers({ directory: runDirectory, timers, link });
    this.#leases = new Leases({
      link,
      timers,
      takeIn: (file) => this.#takeIn(file),
      onPass: (leaseKey, passMs) =>
        this.memory.pass(partsOfLeaseKey(leaseKey).key, timers.wallMs() + passMs),
      onStored: (digest, leaseKey) =>
        this.#handovers.remember(digest, keyHash(partsOfLeaseKey(leaseKey).key)),
    });
  }

  get generation(): number {
    return this.#purges.log.generation;
  }

  get hasDisk(): boolean {
    return this.#disk?.works === true;
  }

  /** Resolves when its disk works, or turns out not to. */
  async opened(): Promise<void> {
    if (this.#disk !== null && (await this.#disk.opened)) await this.#purges.completed;
  }

  find(key: string): CacheEntry | null {
    this.#finds += 1;
    const entry = this.memory.find(key);
    if (entry === null) return null;
    if (this.#isBeingPurged(entry)) return BEING_PURGED;
    this.#found += 1;
    return entry;
  }

  async fetch(key: string): Promise<CacheEntry | null> {
    const entry = this.#disk === null ? null : await this.#readIn(key, await this.#disk.read(key));
    if (entry === null || !this.#isBeingPurged(entry)) return entry;
    for (const { file } of entry.variants) file?.release();
    return null;
  }

  async #readIn(key: string, onDisk: readonly DiskAnswer[]): Promise<CacheEntry | null> {
    // First all that takes time: no purge shall come between a verdict and its use.
    const answers: DiskAnswer[] = [];
    for (const one of onDisk) {
      const answer = await this.#loaded(one);
      if (answer !== null) answers.push(answer);
    }
    const read: CachedVariant[] = [];
    // The newest last, so that it is the first in memory.
    answers.sort((a, b) => a.response.storedAtMs - b.response.storedAtMs);
    for (const { response, body, file, forget } of answers) {
      const known = this.memory.find(key)?.variants.find((one) => isLike(one, response));
      // What came from a peer meanwhile is newer.
      if (known !== undefined && known.response.storedAtMs >= response.storedAtMs) {
        file?.release();
        continue;
      }
      const variant =
        file === null ? this.memory.store(response, body) : this.#leftOnDisk(response, file);
      if (variant !== null) read.unshift(variant);
      else forget();
    }
    // What is too large for memory is served from here.
    const inMemory = this.memory.find(key);
    const isThere = (one: CachedVariant) =>
      inMemory?.variants.some((kept) => isLike(kept, one.response)) === true;
    const others = read.filter((one) => !isThere(one));
    if (others.length === 0) return inMemory;
    return {
      variants: [...(inMemory?.variants ?? []), ...others],
      passUntilMs: inMemory?.passUntilMs ?? 0,
    };
  }

  #isBeingPurged({ variants }: CacheEntry): boolean {
    const purges = this.#purges;
    return purges.isAsking && variants.some(({ response }) => purges.isAskedFor(response));
  }

  /** An answer whose body is here if a purge has made it stale: only what is fresh stays in its file. */
  async #loaded(answer: DiskAnswer): Promise<DiskAnswer | null> {
    const { response, file } = answer;
    const verdict = this.#purges.log.judge(response, response.generation);
    if (file === null || verdict === KEPT) return answer;
    const body = Buffer.allocUnsafeSlow(verdict === GONE ? 0 : file.byteLength);
    const isRead = verdict !== GONE && (await file.read(body, 0));
    file.release();
    if (isRead) return { ...answer, body, file: null };
    answer.forget();
    return null;
  }

  #leftOnDisk(response: StoredResponse, file: StoredFile): CachedVariant | null {
    const verdict = this.#purges.log.judge(response, response.generation);
    if (verdict === KEPT) return new CachedVariant(response, NO_BYTES, file);
    file.release();
    return null;
  }

  get isPurging(): boolean {
    return this.#purges.isAsking;
  }

  mayBePurged(url: string): boolean {
    return this.#purges.mayReach(url);
  }

  isPurged(url: string, since: number): boolean {
    const answer = { url, tags: [] };
    return this.#purges.isAskedFor(answer) || this.#purges.log.judge(answer, since) !== KEPT;
  }

  store(response: StoredResponse, body: Uint8Array): CachedVariant {
    return this.#behind(this.memory.store(response, body), response, body);
  }

  replaceHead(variant: CachedVariant, response: StoredResponse): CachedVariant {
    return this.#behind(this.memory.replaceHead(variant, response), response, variant.body);
  }

  addEncoding(variant: CachedVariant, coding: string, body: Uint8Array): void {
    this.memory.addEncoding(variant, coding, body);
  }

  pass(key: string, untilMs: number): void {
    this.memory.pass(key, untilMs);
  }

  remove(key: string): void {
    this.memory.remove(key);
    this.#disk?.remove(key);
  }

  purge(command: PurgeCommand): Promise<boolean> {
    return this.#purges.purge(command);
  }

  lease(key: string, seeker: LeaseSeeker): void {
    // Who asks for the same in this worker waits for its fetch already.
    if (this.#isAlone) seeker.denied();
    else this.#leases.seek(key, seeker);
  }

  /** Whether it has stored what that digest stands for, so that a hand-over is its to answer. */
  remembers(digest: string): boolean {
    return this.#handovers.remembers(digest);
  }

  /** The sidecar may still grant it a lease. */
  get isAwaited(): boolean {
    return this.#leases.isAwaited;
  }

  /** A message of the sidecar. */
  receive(message: StoreMessage): void {
    if (message.kind !== 'hand-over') this.#leases.receive(message);
    else {
      const { digest } = message;
      void this.#handovers.write(digest, (hash) => this.#leasedAs(digest, hash));
    }
  }

  /** The sidecar is gone. */
  disconnected(): void {
    this.#leases.disconnected();
  }

  /** Returns the numbers of `cacheCountNames`. */
  counts(): number[] {
    const { memory } = this;
    const disk = this.#disk;
    const counts: Record<CacheCountName, number> = {
      finds: this.#finds,
      found: this.#found,
      entries: memory.entries,
      bytes: memory.bytes,
      bytesMax: memory.bytesMax,
      ...memory.counters,
      leases: this.#leases.granted,
      shared: this.#leases.shared,
      handedOver: this.#handovers.written,
      diskReads: disk?.counters.reads ?? 0,
      diskHits: disk?.counters.hits ?? 0,
      diskWrites: disk?.counters.writes ?? 0,
      diskWritesDropped: disk?.counters.dropped ?? 0,
      diskCorrupt: disk?.corrupt ?? 0,
      diskWorks: disk?.works === true ? 1 : 0,
    };
    return cacheCountNames.map((name) => counts[name]);
  }

  /** What the sidecar says is to be received as long as it is awaited. */
  close(): void {
    this.#leases.close();
    this.#disk?.close();
    this.#handovers.close();
  }

  /** What is in memory, under a key with that hash, whose lease had that digest. */
  #leasedAs(digest: string, hash: number): readonly CachedVariant[] {
    const keys = this.memory.keysOf(hash);
    let variants: readonly CachedVariant[] = [];
    for (const key of keys) {
      variants = this.memory.find(key)?.variants ?? [];
      if (leaseDigest(key) === digest) return variants;
      const meant = variants.find(({ response: { varyKey } }) => {
        return leaseDigest(leaseKeyOf(key, varyKey)) === digest;
      });
      if (meant !== undefined) return [meant];
    }
    // The answer varies by something else than was expected. Whoever gets another key's looks in vain.
    return keys.length === 1 ? variants : [];
  }

  /** What memory keeps goes to disk as well, and nothing that was purged meanwhile. */
  #behind(kept: CachedVariant | null, response: StoredResponse, body: Uint8Array): CachedVariant {
    if (kept === null) return new CachedVariant(response, body);
    this.#disk?.write(kept.response, kept.body);
    return kept;
  }

  async #takeIn(file: string): Promise<boolean> {
    const answer = await this.#handovers.read(file);
    return answer !== null && this.memory.store(answer.response, answer.body) !== null;
  }
}

function isLike({ response }: CachedVariant, other: StoredResponse): boolean {
  return response.varyKey === other.varyKey;
}
