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
import type { Timers } from '../../../std/timers.ts';
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
  /** Digest and file of what is there now. */
  readonly #files = new Map<string, string>();
  #lastFile = 0;

  constructor(options: HandoversOptions) {
    this.#options = options;
    void clearAway(options.directory).catch(() => {});
  }

  /** This worker has stored what that digest stands for, under a key with that hash. */
  remember(digest: string, hash: number): void {
    this.#hashes.set(digest, hash);
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
    const path = join(this.#options.directory, basename(file));
    const blob = await readBlob(path, answerHeadBytesMax + limits.cacheObjectBytes).catch(
      () => null,
    );
    const response = blob === null ? null : readHead(blob.head);
    return response === null ? null : { response, body: blob!.body };
  }

  close(): void {
    for (const name of this.#files.keys()) this.#remove(name);
  }

  /** Returns the name of the file, or ''. */
  async #writeFile({ response, body }: CachedVariant): Promise<string> {
    if (this.#files.size >= filesMax) return '';
    this.#lastFile += 1;
    const name = `answer-${process.pid}-${this.#lastFile}`;
    const path = join(this.#options.directory, name);
    this.#files.set(name, path);
    try {
      const head = writeHead(response);
      const digest = await blobDigest(head, body);
      await writeBlob(path, `${path}.part`, { head, body, digest });
    } catch {
      // The others fetch for themselves.
      this.#files.delete(name);
      return '';
    }
    this.written += 1;
    this.#options.timers.after(fileMs, () => this.#remove(name));
    return name;
  }

  #remove(name: string): void {
    const path = this.#files.get(name);
    this.#files.delete(name);
    if (path !== undefined) unlink(path).catch(() => {});
  }
}

/** Workers that were killed have left their files. */
async function clearAway(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = Number(/^answer-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (pid > 0 && !isRunning(pid)) await unlink(join(directory, name));
  }
}
