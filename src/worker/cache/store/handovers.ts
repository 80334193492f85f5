// How one worker lets others have what it stored: as a file in the run directory, written when somebody
// asks, read by those who wait, gone after a few seconds.

import { readdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CachedVariant, StoredResponse } from '../../../core/cache.ts';
import type { CacheLink } from '../../../core/cache-link.ts';
import { limits } from '../../../core/limits.ts';
import { blobDigest, readBlob, writeBlob } from '../../../std/blobs/blob-file.ts';
import { isRunning } from '../../../std/is-running.ts';
import { RecentNumbers } from '../../../std/recent-numbers.ts';
import type { Cancel, Timers } from '../../../std/timers.ts';
import { answerHeadBytesMax, readHead, writeHead } from './answer-blob.ts';

/** So many of the last digests are known here; whoever asks for another is told that it is gone. */
const digestsMax = 16_384;
/** Files at the same time. */
const filesMax = 64;
const fileMs = 10_000;

export interface HandoversOptions {
  readonly directory: string;
  readonly timers: Timers;
  readonly link: CacheLink;
}

export interface HandedAnswer {
  readonly response: StoredResponse;
  readonly body: Buffer;
}

export class Handovers {
  written = 0;
  readonly #options: HandoversOptions;
  /** Hashes of the keys of what was stored here. */
  readonly #hashes = new RecentNumbers(digestsMax, 1);
  /** Names of the files that are there or are being written, and what ends their time. */
  readonly #files = new Map<string, Cancel>();
  #isClosed = false;

  constructor(options: HandoversOptions) {
    this.#options = options;
    void clearAway(options.directory).catch(() => {});
  }

  /** This worker has stored what that digest stands for, under a key with that hash. */
  remember(digest: string, hash: number): void {
    this.#hashes.set(digest, hash);
  }

  /** Whether this store has stored, under a lease, what that digest stands for. */
  remembers(digest: string): boolean {
    return this.#hashes.find(digest) !== -1;
  }

  /** Writes the newest answer of a digest and says where; '' when it is not to be had. */
  async write(digest: string, find: (hash: number) => readonly CachedVariant[]): Promise<void> {
    const place = this.#hashes.find(digest);
    const [newest] = place === -1 ? [] : find(this.#hashes.at(place));
    const file = newest === undefined ? '' : await this.#writeFile(newest);
    this.#options.link.send({ kind: 'handed', digest, file });
  }

  /** Returns what another worker wrote, or null. */
  async read(file: string): Promise<HandedAnswer | null> {
    const bytesMax = answerHeadBytesMax + limits.cacheObjectBytes;
    const blob = await readBlob(this.#pathOf(file), bytesMax).catch(() => null);
    const response = blob === null ? null : readHead(blob.head);
    return response === null ? null : { response, body: blob!.body };
  }

  close(): void {
    this.#isClosed = true;
    for (const name of this.#files.keys()) this.#remove(name);
  }

  /** Returns the name of the file, or ''. */
  async #writeFile({ response, body }: CachedVariant): Promise<string> {
    const { link, timers } = this.#options;
    if (this.#files.size >= filesMax) return '';
    // A worker may have two stores.
    const name = `answer-${process.pid}-${link.nextId()}`;
    const path = this.#pathOf(name);
    this.#files.set(name, () => {});
    try {
      const head = writeHead(response);
      const digest = await blobDigest(head, body);
      await writeBlob(path, `${path}.part`, { head, body, digest });
    } catch {
      // The others fetch for themselves.
      this.#files.delete(name);
      return '';
    }
    if (this.#isClosed) {
      unlink(path).catch(() => {});
      return '';
    }
    this.written += 1;
    const stop = timers.after(fileMs, () => this.#remove(name));
    this.#files.set(name, stop);
    return name;
  }

  #remove(name: string): void {
    this.#files.get(name)?.();
    this.#files.delete(name);
    unlink(this.#pathOf(name)).catch(() => {});
  }

  #pathOf(name: string): string {
    return join(this.#options.directory, basename(name));
  }
}

/** Workers that were killed have left their files. */
async function clearAway(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = Number(/^answer-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (pid > 0 && !isRunning(pid)) await unlink(join(directory, name));
  }
}
