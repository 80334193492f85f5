// A text file of which something is made, again whenever it changes (watched-file.ts does the watching). It
// must be there and right at first; later the last right one stays.

import { WatchedFile } from './watched-file.ts';

const LOOK_MS = 1000;
const BYTES_MAX = 64 * 1024 * 1024;

export interface WatchedTextOptions<Value> {
  readonly path: string;
  /** Makes of the text what is wanted; throws an Error that says what is wrong with it. */
  readonly parse: (text: string) => Value;
  /** A later text can't be read or is wrong: the value before it stays. */
  readonly onProblem: (detail: string) => void;
  /** How often the file is looked at; 1 s by default. */
  readonly lookMs?: number;
}

export class WatchedText<Value> {
  /** Counts texts that were taken over. */
  version = 0;
  #value: Value | undefined;
  readonly #file: WatchedFile;

  /** Reads the file; throws an Error that names it when that fails. */
  constructor({ path, parse, onProblem, lookMs = LOOK_MS }: WatchedTextOptions<Value>) {
    let firstProblem: string | null = null;
    this.#file = new WatchedFile({
      ...{ path, lookMs, bytesMax: BYTES_MAX },
      onContent: (content) => {
        this.#value = parse(content.toString('utf8'));
        this.version += 1;
      },
      onProblem: (reason) => {
        if (this.version === 0) firstProblem = reason;
        else onProblem(`${path}: ${reason}`);
      },
    });
    if (firstProblem === null) return;
    this.close();
    throw new Error(`${path}: ${firstProblem}`);
  }

  get value(): Value {
    return this.#value as Value;
  }

  close(): void {
    this.#file.close();
  }
}
