// The store of a worker and what its caches share, for as long as the settings of the store stay the same.

import type { Config } from '../config/schema.ts';
import type { CacheLink } from '../core/cache-link.ts';
import { systemTimers } from '../std/timers.ts';
import type { CacheHost } from './cache/fill-context.ts';
import { Store } from './cache/store/store.ts';
import { createCacheHost } from './cache-host.ts';
import type { ForwardContext } from './forward.ts';
import type { Kept, KeptParts } from './kept.ts';

export interface CachesOptions {
  readonly link: CacheLink;
  readonly runDirectory: string;
  readonly context: ForwardContext;
  /** Told of every answer that is stored. */
  readonly onStored: CacheHost['stored'];
}

export class Caches {
  readonly #options: CachesOptions;

  constructor(options: CachesOptions) {
    this.#options = options;
  }

  /** Returns what the caches of a configuration share; null when no route caches. */
  hostFor({ routes, cache }: Config, kept: KeptParts): CacheHost | null {
    if (routes.every((route) => route.cache === null)) return null;
    const key = `cache:${JSON.stringify(cache)}`;
    return kept.get(key, () => this.#open(cache.memoryBytes)).host;
  }

  #open(memoryBytes: number): Kept & { readonly host: CacheHost } {
    const { link, runDirectory, context, onStored } = this.#options;
    const store = new Store({ memoryBytes, link, timers: systemTimers, runDirectory });
    return { host: createCacheHost(store, context, onStored), close: () => store.close() };
  }
}
