// Watches the files that plugins are made of. A change asks for a reload like one of the configuration.

import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { Timers } from '../std/timers.ts';
import { ConfigWatch } from './watch.ts';

export interface PluginWatchOptions {
  readonly timers: Timers;
  readonly events: Events;
  readonly onChange: () => void;
}

export class PluginWatch {
  readonly #options: PluginWatchOptions;
  /** By path. */
  readonly #watches = new Map<string, ConfigWatch>();

  constructor(options: PluginWatchOptions) {
    this.#options = options;
  }

  /** Settles when all files that are followed are watched. */
  get ready(): Promise<unknown> {
    return Promise.all([...this.#watches.values()].map((watch) => watch.ready));
  }

  /** Watches the files of `config` and no others; changes since `readAtMs` (Unix time) count. */
  follow({ pluginCode }: Config, readAtMs: number): void {
    const paths = new Set(
      Object.values(pluginCode).flatMap((code) => code.map(({ path }) => path)),
    );
    for (const [path, watch] of this.#watches) {
      if (paths.has(path)) continue;
      watch.close();
      this.#watches.delete(path);
    }
    for (const path of paths) {
      if (this.#watches.has(path)) continue;
      this.#watches.set(path, new ConfigWatch({ ...this.#options, path, readAtMs }));
    }
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }
}
