// A file whose content is held in memory and read again when it changes. While it can't be read, what it
// said last stays.

import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { messageOf } from './message-of.ts';

const LOOK_MS = 2000;

export interface WatchedFileOptions {
  readonly path: string;
  /** A larger file counts as one that can't be read. */
  readonly bytesMax: number;
  /** How often the file is looked at; 2 s by default. */
  readonly lookMs?: number;
  /** Told when the file can't be read, once for each of its states. */
  readonly onProblem: (reason: string) => void;
  /** Told about each new content; what it throws is a problem of the file. */
  readonly onContent?: (content: Buffer) => void;
}

export class WatchedFile {
  readonly #options: WatchedFileOptions;
  readonly #timer: NodeJS.Timeout;
  /** What the file looked like just before it was read. */
  #seen: string;
  #content: Buffer | null = null;
  #isLooking = false;
  #isClosed = false;

  constructor(options: WatchedFileOptions) {
    this.#options = options;
    this.#seen = lookOf(statSync(options.path, { throwIfNoEntry: false }));
    try {
      this.#take(readFileSync(options.path));
    } catch (error) {
      options.onProblem(messageOf(error));
    }
    this.#timer = setInterval(() => void this.#look(), options.lookMs ?? LOOK_MS);
    this.#timer.unref();
  }

  /** Null when it could never be read. */
  get content(): Buffer | null {
    return this.#content;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { path, onProblem } = this.#options;
    const look = await stat(path).then(lookOf, () => '');
    if (look !== this.#seen && !this.#isClosed) {
      this.#seen = look;
      try {
        const content = await readFile(path);
        if (!this.#isClosed) this.#take(content);
      } catch (error) {
        onProblem(messageOf(error));
      }
    }
    this.#isLooking = false;
  }

  #take(content: Buffer): void {
    const { bytesMax, onContent } = this.#options;
    if (content.byteLength > bytesMax) throw new Error(`it is larger than ${bytesMax} bytes`);
    onContent?.(content);
    this.#content = content;
  }
}

function lookOf(stats: Stats | undefined): string {
  if (stats === undefined) return '';
  return `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}
