// A file whose content is held in memory and read again when it changes. While it can't be read, what it
// said last stays.

import { readFileSync, type Stats, unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** How often the file is looked at. */
const LOOK_MS = 2000;

export interface WatchedFileOptions {
  readonly path: string;
  /** A larger file counts as one that can't be read. */
  readonly bytesMax: number;
  /** Told when the file can't be read. */
  readonly onProblem: (reason: string) => void;
  /** Told about each new content. */
  readonly onContent?: (content: Buffer) => void;
}

export class WatchedFile {
  readonly #options: WatchedFileOptions;
  #content: Buffer | null = null;
  #isClosed = false;

  constructor(options: WatchedFileOptions) {
    this.#options = options;
    this.#take(() => readFileSync(options.path));
    watchFile(options.path, { interval: LOOK_MS, persistent: false }, this.#onLook);
  }

  /** Null when it could never be read. */
  get content(): Buffer | null {
    return this.#content;
  }

  close(): void {
    this.#isClosed = true;
    unwatchFile(this.#options.path, this.#onLook);
  }

  readonly #onLook = (now: Stats): void => {
    if (now.mtimeMs === 0) this.#options.onProblem('it is gone');
    else void this.#readAgain();
  };

  async #readAgain(): Promise<void> {
    try {
      const content = await readFile(this.#options.path);
      if (!this.#isClosed) this.#take(() => content);
    } catch (error) {
      this.#options.onProblem(reasonOf(error));
    }
  }

  #take(read: () => Buffer): void {
    const { bytesMax, onProblem, onContent } = this.#options;
    try {
      const content = read();
      if (content.byteLength > bytesMax) {
        onProblem(`it is larger than ${bytesMax} bytes`);
        return;
      }
      this.#content = content;
      onContent?.(content);
    } catch (error) {
      onProblem(reasonOf(error));
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
