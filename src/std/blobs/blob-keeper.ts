// Keeps a directory of blobs in order: makes room, clears away what dead processes left, writes the log
// anew when it has grown long. One process does this; without it others only cannot add when it is full.

import { opendir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning } from '../is-running.ts';
import { type BlobRow, blocksOf } from './blob-index.ts';
import type { BlobLogRest } from './blob-log.ts';
import { type BlobStore, blobName, youngS } from './blob-store.ts';

/** Room is made above the first share of the budget, down to the second. */
const fullShare = 0.9;
const roomyShare = 0.8;
/** How often what dead processes had begun is looked for, in s: one that dies again and again leaves much. */
const clearEveryS = 10;
/** How long others may take to see that the log is another one. */
const restMs = 5000;
/** A log this long is written anew when it is this many times what it needs to be. */
const logBytesMin = 64 * 1024;
const logExcess = 4;
const bytesPerRow = 36;

export class BlobKeeper {
  readonly #store: BlobStore;
  #rest: BlobLogRest | null = null;
  #restUntilMs = 0;
  #clearedAtS = 0;
  /** Blobs that had to go. */
  evicted = 0;
  /** Files without a row, taken into the log, and files and rows that were of no use. */
  adopted = 0;
  cleared = 0;
  /** Files and rows may differ: nobody has compared them since the start, or the log was damaged. */
  needsScan = true;

  constructor(store: BlobStore) {
    this.#store = store;
  }

  /** Looks what has changed and makes room. To be called often. Rejects as the file system does. */
  async look(): Promise<void> {
    const { log, index } = this.#store;
    await log.refresh();
    await this.#takeRest();
    const isFull = index.bytes > index.blocksMax * 4096 * fullShare;
    const isCrowded = index.length > index.rowsMax * fullShare;
    if (isFull || isCrowded) await this.#makeRoom(isCrowded);
    if (log.broken > 0) this.needsScan = true;
    // The clock may be set back.
    if (Math.abs(this.#store.nowS() - this.#clearedAtS) > clearEveryS)
      await this.#clearTemporaries();
    const needed = Math.max(logBytesMin, index.length * bytesPerRow * logExcess);
    if (this.#rest === null && (log.bytes > needed || log.broken > 0)) await this.#compact();
  }

  /**
   * Compares files and rows, one directory after the other. `pause` is awaited in between, and says whether
   * to go on.
   */
  async scan(pause: () => Promise<boolean>): Promise<void> {
    this.needsScan = false;
    await this.#clearTemporaries();
    for (let octet = 0; octet < 256; octet++) {
      if (!(await pause())) return;
      await this.#scanDirectory(octet);
    }
  }

  async close(): Promise<void> {
    await this.#rest?.close();
    this.#rest = null;
  }

  async #makeRoom(isCrowded: boolean): Promise<void> {
    const { index } = this.#store;
    const used = index.bytes / 4096;
    const blocks = isCrowded ? used * (1 - roomyShare) : used - index.blocksMax * roomyShare;
    const rows = index.oldest(Math.ceil(blocks));
    for (let at = 0; at < rows.length; at += 256) {
      await this.#store.remove(rows.slice(at, at + 256));
    }
    this.evicted += rows.length;
  }

  async #compact(): Promise<void> {
    this.#rest = await this.#store.log.compact();
    this.#restUntilMs = performance.now() + restMs;
    await this.#takeRest();
  }

  async #takeRest(): Promise<void> {
    if (this.#rest === null) return;
    const records = await this.#rest.take();
    if (records.length > 0) {
      await this.#store.log.append(records);
      await this.#store.log.refresh();
    }
    if (performance.now() < this.#restUntilMs) return;
    await this.#rest.close();
    this.#rest = null;
  }

  /** What processes that are gone had begun. */
  async #clearTemporaries(): Promise<void> {
    const directory = join(this.#store.directory, 'new');
    this.#clearedAtS = this.#store.nowS();
    for (const name of await readdir(directory)) {
      const pid = Number(name.split('-', 1)[0]);
      if (pid > 0 && pid !== process.pid && isRunning(pid)) continue;
      await unlink(join(directory, name)).catch(() => {});
      this.cleared += 1;
    }
  }

  async #scanDirectory(octet: number): Promise<void> {
    const directory = join(this.#store.directory, octet.toString(16).padStart(2, '0'));
    // Rows first: what is written meanwhile has a row that is not in this list, and a young file.
    const missing = new Map<string, BlobRow>();
    for (const row of this.#store.index.rows(octet)) missing.set(blobName(row), row);
    const surplus: string[] = [];
    try {
      for await (const { name } of await opendir(directory)) {
        if (!missing.delete(name)) surplus.push(name);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    for (const name of surplus) await this.#judge(directory, name);
    const oldS = this.#store.nowS() - youngS;
    const gone = [...missing.values()].filter((row) => row.usedS < oldS);
    this.cleared += gone.length;
    await this.#store.remove(gone);
  }

  /** A file that had no row: taken in if it has lost it, else deleted. */
  async #judge(directory: string, name: string): Promise<void> {
    const path = join(directory, name);
    const file = await stat(path).catch(() => null);
    if (file === null || file.mtimeMs > (this.#store.nowS() - youngS) * 1000) return;
    const row = rowOf(name, { bytes: file.size, usedS: Math.floor(file.mtimeMs / 1000) });
    const { log, index } = this.#store;
    if (row !== null && index.get(row) === null) {
      await log.append([{ kind: 'put', row }]);
      await log.refresh();
    }
    const placed = row === null ? null : index.get(row);
    if (placed !== null && blobName(placed) === name) {
      this.adopted += 1;
      return;
    }
    await unlink(path).catch(() => {});
    this.cleared += 1;
  }
}

function rowOf(name: string, file: { bytes: number; usedS: number }): BlobRow | null {
  if (!/^[0-9a-f]{40}$/.test(name)) return null;
  const number = (at: number) => Number.parseInt(name.slice(at * 8, at * 8 + 8), 16);
  return {
    ...{ high: number(0), low: number(1), variant: number(2) },
    ...{ sumHigh: number(3), sumLow: number(4) },
    ...{ blocks: blocksOf(file.bytes), usedS: file.usedS },
  };
}
