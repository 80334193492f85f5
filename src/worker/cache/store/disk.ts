// The disk tier as one worker sees it: reads what any worker wrote, writes behind the answers. A disk that
// fails turns it off for a minute, with an event; nothing of it reaches a request.

import { hash } from 'node:crypto';
import type { StoredResponse } from '../../../core/cache.ts';
import type { Events } from '../../../core/events.ts';
import { limits } from '../../../core/limits.ts';
import { BlobStore } from '../../../std/blobs/blob-store.ts';
import { hash32 } from '../../../std/hash.ts';
import type { Cancel, Timers } from '../../../std/timers.ts';
import { answerHeadBytesMax, writeHead } from './answer-blob.ts';
import { diskAnswerMs } from './disk-file.ts';
import { type DiskAnswer, DiskReader } from './disk-reader.ts';

/** What other workers wrote is known after this. */
const refreshMs = 250;
const retryMs = 60_000;
/** Bodies that wait to be written, in bytes and number; further ones are not. */
const waitingBytesMax = 32 * 1024 * 1024;
const waitingMax = 1024;
const writersMax = 2;
export interface DiskCounters {
  reads: number;
  hits: number;
  writes: number;
  /** Not written: too many wait, or there is no room. */
  dropped: number;
}

export interface DiskTierOptions {
  readonly path: string;
  readonly bytes: number;
  /** Bytes of memory in front of it. */
  readonly memoryBytes: number;
  readonly events: Events;
  readonly timers: Timers;
  /** All purges are known: what is read can be judged. */
  readonly isReady: () => boolean;
}

interface Waiting {
  readonly response: StoredResponse;
  readonly body: Uint8Array;
  /** It was removed while it was written. */
  isUnwanted: boolean;
}

export class DiskTier {
  readonly counters: DiskCounters = { reads: 0, hits: 0, writes: 0, dropped: 0 };
  /** Resolves, with whether it did, when the disk was opened for the first time. Never rejects. */
  readonly opened: Promise<boolean>;
  readonly #options: DiskTierOptions;
  #store: BlobStore | null = null;
  /** The one that is open or being opened; what former ones report is of no interest. */
  #current: BlobStore | null = null;
  #tornBefore = 0;
  #isClosed = false;
  #timer: Cancel = () => {};
  /** By key and variant: only the newest of each is written. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #writing = new Set<Waiting>();
  #waitingBytes = 0;
  readonly #reader: DiskReader;

  constructor(options: DiskTierOptions) {
    this.#options = options;
    const { memoryBytes, timers } = options;
    const onError = (store: BlobStore, error: unknown) => this.#fail(store, error);
    this.#reader = new DiskReader({ memoryBytes, timers, onError });
    this.opened = this.#open();
  }

  get works(): boolean {
    return this.#store !== null && this.#options.isReady();
  }

  /** Files that were not whole. */
  get corrupt(): number {
    return this.#tornBefore + (this.#store?.torn ?? 0);
  }

  /** Returns all that is there under a key and can still be used. Never rejects. */
  async read(key: string): Promise<DiskAnswer[]> {
    const store = this.#store;
    if (store === null || !this.works) return [];
    const rows = store.index.find(...placeOf(key)).sort((a, b) => b.usedS - a.usedS);
    if (rows.length === 0) return [];
    this.counters.reads += 1;
    const answers = await this.#inTime(store, this.#reader.read(store, key, rows));
    if (answers.length > 0) this.counters.hits += 1;
    return answers;
  }

  /** Writes an answer some time soon, or not at all. */
  write(response: StoredResponse, body: Uint8Array): void {
    if (!this.works) return;
    const id = `${response.varyKey}\n${response.key}`;
    this.#drop(id);
    const isFull = this.#waitingBytes + body.byteLength > waitingBytesMax;
    if (isFull || this.#waiting.size >= waitingMax) {
      this.counters.dropped += 1;
      return;
    }
    this.#waiting.set(id, { response, body, isUnwanted: false });
    this.#waitingBytes += body.byteLength;
    this.#writeNext();
  }

  /** Takes away all that is there under a key. */
  remove(key: string): void {
    for (const [id, { response }] of this.#waiting) if (response.key === key) this.#drop(id);
    for (const one of this.#writing) if (one.response.key === key) one.isUnwanted = true;
    const store = this.#store;
    if (store === null) return;
    const rows = store.index.find(...placeOf(key));
    store.remove(rows).catch((error: unknown) => this.#fail(store, error));
  }

  /** Nothing is read or written any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer();
    for (const id of [...this.#waiting.keys()]) this.#drop(id);
    const store = this.#store;
    this.#store = null;
    this.#current = null;
    store?.close().catch(() => {});
  }

  async #open(): Promise<boolean> {
    const { path, bytes, timers } = this.#options;
    const store = new BlobStore({
      directory: path,
      bytesMax: bytes,
      blobBytesMax: answerHeadBytesMax + limits.cacheObjectBytes,
      wallMs: () => timers.wallMs(),
    });
    this.#current = store;
    try {
      await store.open();
    } catch (error) {
      this.#fail(store, error);
      return false;
    }
    if (this.#isClosed) {
      await store.close().catch(() => {});
      return false;
    }
    this.#store = store;
    this.#refreshLater(store);
    return true;
  }

  #refreshLater(store: BlobStore): void {
    this.#timer = this.#options.timers.after(refreshMs, () => {
      store.log.refresh().then(
        () => {
          if (this.#store === store) this.#refreshLater(store);
        },
        (error: unknown) => this.#fail(store, error),
      );
    });
  }

  #inTime(store: BlobStore, reading: Promise<DiskAnswer[]>): Promise<DiskAnswer[]> {
    return new Promise((resolve) => {
      let isLate = false;
      const stop = this.#options.timers.after(diskAnswerMs, () => {
        isLate = true;
        this.#fail(store, new Error(`no answer within ${diskAnswerMs} ms`));
        resolve([]);
      });
      void reading.then((answers) => {
        stop();
        if (isLate) for (const { file } of answers) file?.release();
        else resolve(answers);
      });
    });
  }

  #writeNext(): void {
    const [next] = this.#waiting;
    const store = this.#store;
    if (next === undefined || store === null || this.#writing.size >= writersMax) return;
    const [id, one] = next;
    this.#waiting.delete(id);
    this.#writing.add(one);
    void this.#writeOne(store, one).then(() => {
      this.#writing.delete(one);
      // A body counts until it is written.
      this.#waitingBytes -= one.body.byteLength;
      if (one.isUnwanted) this.remove(one.response.key);
      this.#writeNext();
    });
    this.#writeNext();
  }

  async #writeOne(store: BlobStore, { response, body }: Waiting): Promise<void> {
    const [high, low] = placeOf(response.key);
    const variant = hash32(response.varyKey);
    try {
      const isPut = await store.put({ high, low, variant }, writeHead(response), body);
      if (isPut) this.counters.writes += 1;
      else this.counters.dropped += 1;
    } catch (error) {
      this.counters.dropped += 1;
      this.#fail(store, error);
    }
  }

  #drop(id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#waitingBytes -= waiting.body.byteLength;
  }

  #fail(store: BlobStore, error: unknown): void {
    if (this.#isClosed || this.#current !== store) return;
    this.#current = null;
    const { code = '', message } = error as NodeJS.ErrnoException;
    const fields = { path: this.#options.path, code, reason: message, retryMs };
    this.#options.events.error(fields, 'the disk of the cache fails: going on without');
    this.#timer();
    this.#tornBefore += store.torn;
    this.#store = null;
    for (const id of [...this.#waiting.keys()]) this.#drop(id);
    store.close().catch(() => {});
    this.#timer = this.#options.timers.after(retryMs, () => void this.#open());
  }
}

/** The place of a key: 64 bits that nobody finds another key for by chance. */
function placeOf(key: string): [number, number] {
  const digest = hash('sha256', key, 'buffer');
  return [digest.readUInt32BE(0), digest.readUInt32BE(4)];
}
