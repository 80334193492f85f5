// The sidecar's part in the disk tier: it keeps the directory in order and the purges beside it. A disk that
// fails is an event and tried again; workers find out for themselves.

import { setTimeout as delay } from 'node:timers/promises';
import type { Events } from '../../core/events.ts';
import type { PurgeRecord } from '../../core/purge-log.ts';
import { BlobKeeper } from '../../std/blobs/blob-keeper.ts';
import { BlobStore } from '../../std/blobs/blob-store.ts';
import type { PurgeDesk } from './purge-desk.ts';
import { PurgeFile } from './purge-file.ts';

export interface DiskSettings {
  readonly path: string;
  readonly bytes: number;
}

/** What is on disk, and what the keeper has done since it began. */
export interface DiskReport {
  readonly path: string;
  readonly isWorking: boolean;
  readonly entries: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly evicted: number;
  readonly cleared: number;
}

const lookMs = 100;
const retryMs = 60_000;
/** Between two directories of a scan, which is done at the start and then now and then. */
const scanPauseMs = 20;
const scanEveryMs = 3_600_000;

interface Open {
  readonly store: BlobStore;
  readonly keeper: BlobKeeper;
  readonly purges: PurgeFile;
}

export class DiskKeeper {
  readonly #events: Events;
  readonly #desk: () => PurgeDesk;
  #settings: DiskSettings | null = null;
  #open: Open | null = null;
  /** Counts configurations: what belongs to a former one stops by itself. */
  #turn = 0;
  #isScanning = false;

  constructor(events: Events, desk: () => PurgeDesk) {
    this.#events = events;
    this.#desk = desk;
  }

  /** What is on disk; null without a disk tier. */
  get report(): DiskReport | null {
    if (this.#settings === null) return null;
    const { path, bytes } = this.#settings;
    const { store, keeper } = this.#open ?? {};
    return {
      path,
      isWorking: this.#open !== null,
      entries: store?.index.length ?? 0,
      bytes: store?.index.bytes ?? 0,
      bytesMax: bytes,
      evicted: keeper?.evicted ?? 0,
      cleared: keeper?.cleared ?? 0,
    };
  }

  /** Follows a configuration; resolves when the purges on that disk are known, or it has failed. */
  async follow(settings: DiskSettings | null): Promise<void> {
    const { path, bytes } = this.#settings ?? {};
    if (settings?.path === path && settings?.bytes === bytes) return;
    await this.close();
    this.#settings = settings;
    if (settings !== null) await this.#begin(settings, this.#turn);
  }

  /** Keeps purges over restarts; true when there is no disk that they could concern. */
  keep(records: readonly PurgeRecord[]): Promise<boolean> {
    if (this.#settings === null || records.length === 0) return Promise.resolve(true);
    return this.#open === null ? Promise.resolve(false) : this.#open.purges.keep(records);
  }

  async close(): Promise<void> {
    this.#turn += 1;
    this.#settings = null;
    await this.#shut();
  }

  async #begin({ path, bytes }: DiskSettings, turn: number): Promise<void> {
    const desk = this.#desk();
    const wallMs = () => Date.now();
    const store = new BlobStore({ directory: path, bytesMax: bytes, blobBytesMax: 0, wallMs });
    const opened = { store, keeper: new BlobKeeper(store), purges: new PurgeFile(path, desk.log) };
    try {
      await store.open();
      const { floor, records } = await opened.purges.open();
      // What was purged before this disk came, or while it failed, holds for it too.
      const others = desk.restore(floor, records);
      if (turn === this.#turn) {
        this.#open = opened;
        await opened.purges.keep(others);
        void this.#run(opened, turn);
        return;
      }
    } catch (error) {
      this.#complain(error);
      void this.#retryLater(turn);
    }
    await closeAll(opened);
  }

  async #run(opened: Open, turn: number): Promise<void> {
    let scanAtMs = performance.now() + scanEveryMs;
    try {
      while (turn === this.#turn) {
        await opened.keeper.look();
        if (!this.#isScanning && (opened.keeper.needsScan || performance.now() > scanAtMs)) {
          scanAtMs = performance.now() + scanEveryMs;
          void this.#scan(opened, turn);
        }
        await delay(lookMs, null, { ref: false });
      }
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#complain(error);
      await this.#shut();
      void this.#retryLater(turn);
    }
  }

  async #scan({ keeper }: Open, turn: number): Promise<void> {
    this.#isScanning = true;
    const pause = () => delay(scanPauseMs, null, { ref: false }).then(() => turn === this.#turn);
    try {
      await keeper.scan(pause);
      this.#events.debug(
        { adopted: keeper.adopted, cleared: keeper.cleared },
        'cache disk scanned',
      );
    } catch (error) {
      if (turn === this.#turn) this.#complain(error);
    }
    this.#isScanning = false;
  }

  async #retryLater(turn: number): Promise<void> {
    await delay(retryMs, null, { ref: false });
    if (turn === this.#turn && this.#settings !== null) await this.#begin(this.#settings, turn);
  }

  async #shut(): Promise<void> {
    const opened = this.#open;
    this.#open = null;
    if (opened !== null) await closeAll(opened);
  }

  #complain(error: unknown): void {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const fields = { path: this.#settings?.path, code, reason: message, retryMs };
    this.#events.error(fields, 'the disk of the cache cannot be kept in order');
  }
}

async function closeAll({ store, keeper, purges }: Open): Promise<void> {
  await keeper.close().catch(() => {});
  await store.close().catch(() => {});
  await purges.close();
}
