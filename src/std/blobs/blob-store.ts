// Blobs on disk by key and variant, shared by all processes that open the same directory: one file each,
// named by key, variant and content, never changed. Bounded: a blob has its place in the log before its
// file is begun, and what does not fit has none.
//
//   put: former one removed ─► record ─► room? ─► temporary file ─► renamed
//                                         └─ no: not written
//   A process that dies in between leaves a record without a file: a miss, until it is cleared away.

import { randomUUID } from 'node:crypto';
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Blob,
  blobBytes,
  blobDigest,
  type OpenBlob,
  openBlob,
  readBlob,
  type WrittenBlob,
  writeBlob,
} from './blob-file.ts';
import { BlobIndex, type BlobRow, blocksOf } from './blob-index.ts';
import { BlobLog, type LogRecord } from './blob-log.ts';

export type BlobKey = Pick<BlobRow, 'high' | 'low' | 'variant'>;

export interface BlobStoreOptions {
  readonly directory: string;
  readonly bytesMax: number;
  /** Largest file that is read. */
  readonly blobBytesMax: number;
  readonly wallMs: () => number;
}

/** Rows that an index may have: 60 MB of memory in each process. */
export const rowsMax = 2 ** 20;
/** Files that are known to be whole. */
const wholeMax = 4096;
/** How often a blob seeks its place when others put one of the same key and variant at the same time. */
const placeTries = 3;
/** A record whose file is not there yet may be of a blob that is just being written. */
export const youngS = 60;

/** Returns the name of the file of a row, without its directories. */
export function blobName({ high, low, variant, sumHigh, sumLow }: BlobRow): string {
  return [high, low, variant, sumHigh, sumLow].map(hex).join('');
}

export class BlobStore {
  readonly index: BlobIndex;
  readonly log: BlobLog;
  readonly directory: string;
  readonly #options: BlobStoreOptions;
  /** Files that turned out not to be whole. */
  torn = 0;
  /** Paths of files that were whole. */
  readonly #whole = new Set<string>();

  constructor(options: BlobStoreOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.index = new BlobIndex(options.bytesMax, rowsMax);
    this.log = new BlobLog(options.directory, this.index);
  }

  /** Makes the directories and reads the log. Rejects as the file system does, like all that follows. */
  async open(): Promise<void> {
    await mkdir(join(this.directory, 'new'), { recursive: true, mode: 0o700 });
    await this.log.open();
  }

  /** Keeps a blob; false when there is no room for it. */
  async put(key: BlobKey, head: Uint8Array, body: Uint8Array): Promise<boolean> {
    const digest = await blobDigest(head, body);
    const [sumHigh, sumLow] = [digest.readUInt32BE(0), digest.readUInt32BE(4)];
    const blocks = blocksOf(blobBytes(head.byteLength, body.byteLength));
    const row: BlobRow = { ...key, sumHigh, sumLow, blocks, usedS: this.nowS() };
    const before = this.index.get(key);
    if (before !== null && isSame(before, row)) return true;
    if (!(await this.#place(row))) return false;
    let isKept: boolean;
    try {
      isKept = await this.#write(row, { head, body, digest, isWanted: () => this.#hasRow(row) });
    } catch (error) {
      await this.log.append([{ kind: 'remove', row }]).catch(() => {});
      throw error;
    }
    // While it was written it may have had to make room for others, who found no file to take away yet.
    if (isKept && !(await this.#hasRow(row))) {
      await this.#unlink(row);
      isKept = false;
    }
    return isKept;
  }

  /**
   * Gives a row its place in the log; false when there is none. What has it now goes first, with its file:
   * else the room of that file would be given away while it is there, and if another process puts at the
   * same time, neither would know that it is to delete it.
   */
  async #place(row: BlobRow): Promise<boolean> {
    for (let tries = 0; tries < placeTries; tries++) {
      const before = this.index.get(row);
      if (before !== null) await this.remove([before]);
      await this.log.append([{ kind: 'put', row }]);
      if (await this.#hasRow(row)) return true;
      if (this.index.get(row) === null) return false;
    }
    return false;
  }

  /** Returns the blob of a row; null when it is gone, or was not whole and is gone now. */
  read(row: BlobRow): Promise<Blob | null> {
    return this.#take(row, readBlob(this.pathOf(row), this.#options.blobBytesMax));
  }

  /**
   * As `read`, with the body left in its file, to be closed. Files never change: one that was whole is not
   * looked through again for a while.
   */
  async openBody(row: BlobRow): Promise<OpenBlob | null> {
    const path = this.pathOf(row);
    const isKnown = this.#whole.has(path);
    const blob = await this.#take(row, openBlob(path, this.#options.blobBytesMax, isKnown));
    if (blob === null || isKnown) return blob;
    if (this.#whole.size >= wholeMax) this.#whole.clear();
    this.#whole.add(path);
    return blob;
  }

  async #take<T>(row: BlobRow, reading: Promise<T | null>): Promise<T | null> {
    try {
      const blob = await reading;
      if (blob === null) {
        this.torn += 1;
        await this.remove([row]);
        return null;
      }
      if (this.nowS() - row.usedS > youngS) await this.#append('use', [row]);
      return blob;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (this.nowS() - row.usedS > youngS) await this.#append('remove', [row]);
      return null;
    }
  }

  /** First the files, then their rows: what is there is never more than what is counted. */
  async remove(rows: readonly BlobRow[]): Promise<void> {
    if (rows.length === 0) return;
    const missing: BlobRow[] = [];
    for (const row of rows) if (!(await this.#unlink(row))) missing.push(row);
    await this.#append('remove', rows);
    await this.log.refresh();
    // Whoever was writing one of them may not have seen yet that it has no row any more.
    for (const row of missing) await this.#unlink(row);
  }

  pathOf(row: BlobRow): string {
    const name = blobName(row);
    return join(this.directory, name.slice(0, 2), name);
  }

  nowS(): number {
    return Math.floor(this.#options.wallMs() / 1000);
  }

  close(): Promise<void> {
    return this.log.close();
  }

  async #hasRow(row: BlobRow): Promise<boolean> {
    await this.log.refresh();
    const placed = this.index.get(row);
    return placed !== null && isSame(placed, row);
  }

  async #write(row: BlobRow, blob: WrittenBlob): Promise<boolean> {
    const path = this.pathOf(row);
    const temporary = join(this.directory, 'new', `${process.pid}-${randomUUID()}`);
    try {
      return await writeBlob(path, temporary, blob);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
      return await writeBlob(path, temporary, blob);
    }
  }

  async #append(kind: LogRecord['kind'], rows: readonly BlobRow[]): Promise<void> {
    const usedS = this.nowS();
    for (let at = 0; at < rows.length; at += 64) {
      // So few that they go in one write of less than a page.
      const some = rows.slice(at, at + 64);
      await this.log.append(
        some.map((row) => ({ kind, row: kind === 'use' ? { ...row, usedS } : row })),
      );
    }
  }

  /** False when it was not there. */
  async #unlink(row: BlobRow): Promise<boolean> {
    try {
      await unlink(this.pathOf(row));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return false;
    }
  }
}

function isSame(one: BlobRow, other: BlobRow): boolean {
  return one.sumHigh === other.sumHigh && one.sumLow === other.sumLow;
}

function hex(number: number): string {
  return number.toString(16).padStart(8, '0');
}
