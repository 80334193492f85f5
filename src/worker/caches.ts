// The stores of a worker and what its caches share, for as long as the settings of a store stay the same;
// and the worker's end of what caches tell each other through the sidecar.

import type { Config } from '../config/schema.ts';
import type { CacheLink, CacheToSidecar, HandOver, SidecarToCache } from '../core/cache-link.ts';
import type { Events } from '../core/events.ts';
import { type Cancel, systemTimers } from '../std/timers.ts';
import type { CacheHost } from './cache/fill-context.ts';
import { PurgeEnd } from './cache/store/purge-end.ts';
import { Store } from './cache/store/store.ts';
import { createCacheHost } from './cache-host.ts';
import type { ForwardContext } from './forward.ts';
import type { Kept, KeptParts } from './kept.ts';

/** How often the sidecar is told what the cache counts, if that has changed. */
const COUNTS_MS = 1000;

/** Longest wait of a worker for its disks. */
const OPEN_MS = 2000;

export interface CachesOptions {
  readonly send: (message: CacheToSidecar) => boolean;
  readonly events: Events;
  readonly runDirectory: string;
  readonly context: ForwardContext;
  /** An answer of so many bytes was stored; `row` is that of its route in the metrics. */
  readonly onStored: CacheHost['stored'];
}

export class Caches {
  readonly #options: CachesOptions;
  readonly #link: CacheLink & { connected: boolean };
  readonly #purges: PurgeEnd;
  /** The newest last; more than one only while a configuration with another one is on its way. */
  readonly #stores = new Set<Store>();
  /** Closed, and awaited by nobody but the sidecar. */
  readonly #closed = new Set<Store>();
  readonly #timer: NodeJS.Timeout;
  #lastId = 0;
  #counts = '';

  constructor(options: CachesOptions) {
    this.#options = options;
    this.#link = {
      connected: false,
      send: options.send,
      nextId: () => {
        this.#lastId += 1;
        return this.#lastId;
      },
    };
    this.#purges = new PurgeEnd(this.#link, systemTimers);
    this.#timer = setInterval(() => this.#look(), COUNTS_MS);
    this.#timer.unref();
  }

  /** Returns what the caches of a configuration share; null when no route caches. */
  hostFor({ routes, cache, cores }: Config, kept: KeptParts): CacheHost | null {
    if (routes.every((route) => route.cache === null)) return null;
    const isAlone = cores === 1;
    const key = `cache:${JSON.stringify(cache)}${isAlone ? ' alone' : ''}`;
    return kept.get(key, () => this.#open(cache, isAlone)).host;
  }

  /**
   * Resolves when all disks are open, or can't be, or are not within two seconds. Who begins to serve before
   * asks the peers for everything.
   */
  async opened(): Promise<void> {
    const opened = Promise.all([...this.#stores].map((store) => store.opened()));
    let stop: Cancel = () => {};
    const isLate = new Promise<void>((resolve) => {
      stop = systemTimers.after(OPEN_MS, resolve);
    });
    await Promise.race([opened, isLate]);
    stop();
  }

  /** A message of the sidecar. */
  receive(message: SidecarToCache): void {
    switch (message.kind) {
      case 'purges':
      case 'purges-wanted':
      case 'purged':
        this.#purges.receive(message);
        return;
      case 'hand-over':
        this.#handOver(message);
        return;
      default:
        // Numbers of seekers tell whose it is.
        for (const store of this.#stores) store.receive(message);
        for (const store of this.#closed) store.receive(message);
    }
  }

  /** The link to the sidecar is there, or is gone. */
  linkChanged(connected: boolean): void {
    this.#link.connected = connected;
    this.#counts = '';
    if (connected) this.#purges.connected();
    else {
      this.#purges.disconnected();
      for (const store of this.#stores) store.disconnected();
      for (const store of this.#closed) store.disconnected();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#purges.close();
  }

  #open(
    { memoryBytes, disk }: Config['cache'],
    isAlone: boolean,
  ): Kept & { readonly host: CacheHost } {
    const { runDirectory, context, events, onStored } = this.#options;
    const store = new Store({
      ...{ memoryBytes, disk, events, runDirectory, isAlone },
      link: this.#link,
      purges: this.#purges,
      timers: systemTimers,
    });
    this.#stores.add(store);
    return {
      host: createCacheHost(store, context, onStored),
      close: () => {
        this.#stores.delete(store);
        this.#closed.add(store);
        store.close();
      },
    };
  }

  /** The newest store that has it answers, and no other: the first answer counts. */
  #handOver(message: HandOver): void {
    const { digest } = message;
    const holder = [...this.#stores].reverse().find((store) => store.remembers(digest));
    if (holder !== undefined) holder.receive(message);
    else this.#link.send({ kind: 'handed', digest, file: '' });
  }

  #look(): void {
    for (const store of this.#closed) if (!store.isAwaited) this.#closed.delete(store);
    this.#tellCounts();
  }

  #tellCounts(): void {
    const newest = [...this.#stores].at(-1);
    if (newest === undefined || !this.#link.connected) return;
    const counts = newest.counts();
    const text = counts.join();
    if (text === this.#counts) return;
    if (this.#link.send({ kind: 'cache-counts', counts })) this.#counts = text;
  }
}
