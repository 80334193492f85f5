// The purges that hold for a disk tier, beside what they hold for: lines of JSON, appended and brought to the
// disk before a purge is answered. Purges that come together are written together.

import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { PurgeLog, PurgeRecord } from '../../core/purge-log.ts';
import { arePurges, readPurges } from '../../core/purge-pages.ts';

/** Lines beyond what is needed before the file is written anew. */
const surplusMax = 4096;

interface Waiting {
  readonly lines: string[];
  readonly settle: (isKept: boolean) => void;
}

export class PurgeFile {
  readonly #path: string;
  readonly #log: PurgeLog;
  #file: FileHandle | null = null;
  #lines = 0;
  #waiting: Waiting[] = [];
  #isWriting = false;

  /** `log` is what the file is written anew from. */
  constructor(directory: string, log: PurgeLog) {
    this.#path = join(directory, 'purges.jsonl');
    this.#log = log;
  }

  /** Opens the file and returns what it says. Rejects as the file system does. */
  async open(): Promise<{ readonly floor: number; readonly records: PurgeRecord[] }> {
    const text = await readFile(this.#path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return '';
    });
    this.#file = await open(this.#path, 'a', 0o600);
    let floor = 0;
    const records: PurgeRecord[] = [];
    // The last line may be half of one.
    for (const line of text.split('\n').slice(0, -1)) {
      const value = parse(line);
      this.#lines += 1;
      if (typeof value === 'number' && Number.isSafeInteger(value)) floor = Math.max(floor, value);
      else if (arePurges(value)) records.push(...readPurges({ records: value }));
      // What it said is lost: nothing from before this start can be trusted.
      else floor = Math.max(floor, Date.now());
    }
    if (text !== '' && !text.endsWith('\n')) await this.#file.write('\n');
    return { floor, records };
  }

  /** Keeps purges over restarts; resolves with whether they are on the disk. */
  keep(records: readonly PurgeRecord[]): Promise<boolean> {
    if (this.#file === null) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#waiting.push({ lines: records.map(lineOf), settle });
      void this.#write();
    });
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
    await file?.close().catch(() => {});
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#waiting.length > 0 && this.#file !== null) {
      const batch = this.#waiting;
      this.#waiting = [];
      const isKept = await this.#append(batch.flatMap(({ lines }) => lines));
      for (const { settle } of batch) settle(isKept);
    }
    this.#isWriting = false;
  }

  async #append(lines: readonly string[]): Promise<boolean> {
    try {
      if (this.#lines + lines.length > this.#log.size + surplusMax) await this.#rewrite();
      else {
        await this.#file!.appendFile(lines.join(''));
        this.#lines += lines.length;
      }
      await this.#file!.datasync();
      return true;
    } catch {
      return false;
    }
  }

  /** The log holds what waits to be written, too. */
  async #rewrite(): Promise<void> {
    const temporary = `${this.#path}.new`;
    const lines = [`${this.#log.floor}\n`, ...this.#log.since(0).map(lineOf)];
    const file = await open(temporary, 'w', 0o600);
    await file.writeFile(lines.join(''));
    await rename(temporary, this.#path);
    const before = this.#file;
    this.#file = file;
    this.#lines = lines.length;
    await before?.close();
  }
}

function lineOf({ generation, kind, value, isSoft }: PurgeRecord): string {
  return `${JSON.stringify([generation, kind, value, isSoft ? 1 : 0])}\n`;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
