// Reads answers from the disk tier: short ones into memory, so many bytes at a time, long ones that are fresh
// stay in their files.

import type { StoredFile, StoredResponse } from '../../../core/cache.ts';
import { MIB } from '../../../core/limits.ts';
import { type BlobRow, blockBytes } from '../../../std/blobs/blob-index.ts';
import type { BlobStore } from '../../../std/blobs/blob-store.ts';
import { ByteGate } from '../../../std/byte-gate.ts';
import type { Timers } from '../../../std/timers.ts';
import { readHead } from './answer-blob.ts';
import { DiskFile } from './disk-file.ts';

/** Variants of one key that are read; of more, the newest. */
const variantsMax = 16;
/** Read at the same time by a worker. */
const readingBytesMax = 64 * MIB;
/** Larger bodies, as far as they are fresh, are left on disk; but what is a small part of memory moves there. */
const streamedLeast = 1 * MIB;
const streamedShare = 1 / 64;
const filesMax = 512;
const NO_BYTES = Buffer.alloc(0);

/** An answer as it was on disk; `forget` takes it away. The body is in `file` when there is one. */
export interface DiskAnswer {
  readonly response: StoredResponse;
  readonly body: Buffer;
  readonly file: StoredFile | null;
  readonly forget: () => void;
}

export interface DiskReaderOptions {
  /** Bytes of memory in front of it. */
  readonly memoryBytes: number;
  readonly timers: Timers;
  /** The disk of that store fails. */
  readonly onError: (store: BlobStore, error: unknown) => void;
}

export class DiskReader {
  readonly #options: DiskReaderOptions;
  readonly #gate = new ByteGate(readingBytesMax);
  readonly #streamedFrom: number;
  /** Open ones. */
  #files = 0;

  constructor(options: DiskReaderOptions) {
    this.#options = options;
    this.#streamedFrom = Math.max(streamedLeast, options.memoryBytes * streamedShare);
  }

  /** Returns what the rows of a key lead to, and can still be used. Never rejects. */
  async read(store: BlobStore, key: string, rows: readonly BlobRow[]): Promise<DiskAnswer[]> {
    const answers: DiskAnswer[] = [];
    try {
      for (const row of rows.slice(0, variantsMax)) {
        const answer = await this.#readRow(store, key, row);
        if (answer !== null) answers.push(answer);
      }
    } catch (error) {
      this.#options.onError(store, error);
    }
    return answers;
  }

  async #readRow(store: BlobStore, key: string, row: BlobRow): Promise<DiskAnswer | null> {
    const bytes = row.blocks * blockBytes;
    if (bytes > this.#streamedFrom && this.#files < filesMax) {
      const answer = await this.#openRow(store, key, row);
      if (answer !== null) return answer;
    }
    await this.#gate.enter(bytes);
    try {
      const blob = await store.read(row);
      if (blob === null) return null;
      const response = readHead(blob.head);
      const isFit = response?.key === key && response.keepUntilMs > this.#options.timers.wallMs();
      const forget = this.#forgetter(store, row);
      if (isFit) return { response, body: blob.body, file: null, forget };
      // Of another key with the same digest, of another version of this program, or too old.
      if (response === null || response.key === key) forget();
      return null;
    } finally {
      this.#gate.leave(bytes);
    }
  }

  /** Returns an answer whose body stays on disk; null when it is not a fresh one of this key. */
  async #openRow(store: BlobStore, key: string, row: BlobRow): Promise<DiskAnswer | null> {
    this.#files += 1;
    let isOpen = false;
    try {
      const blob = await store.openBody(row);
      const response = blob === null ? null : readHead(blob.head);
      isOpen = response?.key === key && response.freshUntilMs > this.#options.timers.wallMs();
      if (blob === null || response === null || !isOpen) {
        await blob?.close();
        return null;
      }
      const file = new DiskFile({
        blob,
        timers: this.#options.timers,
        onError: (error) => this.#options.onError(store, error),
        onClose: () => {
          this.#files -= 1;
        },
      });
      return { response, body: NO_BYTES, file, forget: this.#forgetter(store, row) };
    } finally {
      if (!isOpen) this.#files -= 1;
    }
  }

  #forgetter(store: BlobStore, row: BlobRow): () => void {
    return () => {
      store.remove([row]).catch((error: unknown) => this.#options.onError(store, error));
    };
  }
}
