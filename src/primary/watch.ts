// Notices that the configuration file has other content than before: by fs.watch on its directory (which
// catches atomic renames and the ..data symlinks of Kubernetes) and, in case that fails, by a slow look
// at the file itself. Not the files that a TypeScript configuration imports: SIGHUP is for those.

import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Events } from '../core/events.ts';
import { messageOf } from '../std/message-of.ts';
import type { Cancel, Timers } from '../std/timers.ts';

/** Writers often touch a file several times; one look follows when they have been quiet for so long. */
const QUIET_MS = 150;
const POLL_MS = 5000;

export interface WatchOptions {
  readonly path: string;
  /** Unix time in ms when the content was read; a later change counts although it was not seen. */
  readonly readAtMs: number;
  readonly timers: Timers;
  readonly events: Events;
  /** Called when the content differs from what it was; not while the file is missing or unreadable. */
  readonly onChange: () => void;
}

/** Watches from creation, or rather from when `ready` settles, until `close`. */
export class ConfigWatch {
  readonly ready: Promise<void>;
  readonly #options: WatchOptions;
  #watcher: FSWatcher | null = null;
  #known: string | null = null;
  #isClosed = false;
  #isLooking = false;
  #mustLookAgain = false;
  #cancelQuiet: Cancel = () => {};
  #cancelPoll: Cancel = () => {};

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#watchDirectory();
    this.ready = this.#begin();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelQuiet();
    this.#cancelPoll();
    this.#watcher?.close();
  }

  async #begin(): Promise<void> {
    const { path, readAtMs, onChange } = this.#options;
    this.#known = await contentHash(path);
    const changedAtMs = await stat(path).then(
      (info) => info.ctimeMs,
      () => 0,
    );
    if (this.#isClosed) return;
    this.#poll();
    if (changedAtMs > readAtMs) onChange();
  }

  #watchDirectory(): void {
    const { path, timers, events } = this.#options;
    const giveUp = (error: unknown) => {
      this.#watcher?.close();
      const detail = messageOf(error);
      events.warn({ path, detail, pollMs: POLL_MS }, 'configuration is only polled for changes');
    };
    try {
      this.#watcher = watch(dirname(path), { persistent: false }, (_, name) => {
        // Names with two dots are how Kubernetes swaps a whole volume; others in a busy directory
        // must not keep us from ever being quiet.
        if (name !== null && name !== basename(path) && !name.startsWith('..')) return;
        this.#cancelQuiet();
        this.#cancelQuiet = timers.after(QUIET_MS, () => void this.#look());
      });
      this.#watcher.on('error', giveUp);
    } catch (error) {
      giveUp(error);
    }
  }

  #poll(): void {
    if (this.#isClosed) return;
    this.#cancelPoll = this.#options.timers.after(POLL_MS, () => {
      void this.#look().then(() => this.#poll());
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) {
      this.#mustLookAgain = true;
      return;
    }
    this.#isLooking = true;
    do {
      this.#mustLookAgain = false;
      const hash = await contentHash(this.#options.path);
      if (this.#isClosed) return;
      if (hash !== null && hash !== this.#known) {
        this.#known = hash;
        this.#options.onChange();
      }
    } while (this.#mustLookAgain);
    this.#isLooking = false;
  }
}

async function contentHash(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch {
    return null;
  }
}
