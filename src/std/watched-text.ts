// A text file that is read again when it changes: by a look at its status now and then, which also catches
// files that are replaced by renaming and links that are pointed elsewhere.

import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';

const LOOK_MS = 1000;

export interface WatchedTextOptions<Value> {
  readonly path: string;
  /** Makes of the text what is wanted; throws an Error that says what is wrong with it. */
  readonly parse: (text: string) => Value;
  /** A later text can't be read or is wrong: the value before it stays. */
  readonly onProblem: (detail: string) => void;
  readonly lookMs?: number;
}

export class WatchedText<Value> {
  /** Counts texts that were taken over. */
  version = 1;
  #value: Value;
  readonly #options: WatchedTextOptions<Value>;
  readonly #onLook = () => void this.#read();

  /** Reads the file; throws an Error that names it when that fails. */
  constructor(options: WatchedTextOptions<Value>) {
    this.#options = options;
    const { path, parse, lookMs = LOOK_MS } = options;
    try {
      this.#value = parse(readFileSync(path, 'utf8'));
    } catch (error) {
      throw new Error(`${path}: ${textOf(error)}`);
    }
    watchFile(path, { persistent: false, interval: lookMs }, this.#onLook);
  }

  get value(): Value {
    return this.#value;
  }

  close(): void {
    unwatchFile(this.#options.path, this.#onLook);
  }

  async #read(): Promise<void> {
    const { path, parse, onProblem } = this.#options;
    try {
      this.#value = parse(await readFile(path, 'utf8'));
      this.version += 1;
    } catch (error) {
      onProblem(`${path}: ${textOf(error)}`);
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
