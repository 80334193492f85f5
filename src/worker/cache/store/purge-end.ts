// This worker's end of purges: asks for them, learns those of the others, and says how far it has come. A
// purge without a sidecar holds here at once, and everywhere else as soon as there is one again.

import type { PurgeCommand } from '../../../core/cache.ts';
import type { CacheLink, Purged, Purges, PurgesWanted } from '../../../core/cache-link.ts';
import { PurgeLog, type PurgeRecord } from '../../../core/purge-log.ts';
import { readPurges, writePurges } from '../../../core/purge-pages.ts';
import type { Cancel, Timers } from '../../../std/timers.ts';

/** Longer than the sidecar waits for a worker. */
const answerMs = 15_000;
/** Purges of this worker that nobody else knows yet; older ones are made up for by purging all. */
const unsentMax = 1024;
const waitingMax = 4096;

interface Waiting {
  readonly settle: (isComplete: boolean) => void;
  readonly stop: Cancel;
}

export class PurgeEnd {
  readonly log = new PurgeLog();
  /** Some sidecar has told all that it knew: no purge from before this worker began is missing. */
  isComplete = false;
  readonly #link: CacheLink;
  readonly #timers: Timers;
  readonly #waiting = new Map<number, Waiting>();
  #unsent: PurgeCommand[] = [];
  /** Sidecars have told all purges up to this one; some of this worker's own may be later. */
  #told = 0;

  constructor(link: CacheLink, timers: Timers) {
    this.#link = link;
    this.#timers = timers;
  }

  /** Resolves with whether it holds in all workers. */
  purge(command: PurgeCommand): Promise<boolean> {
    const id = this.#link.nextId();
    const isSent = this.#waiting.size < waitingMax && this.#ask(id, command);
    if (!isSent) {
      this.#holdHere(command);
      return Promise.resolve(false);
    }
    return new Promise((settle) => {
      const stop = this.#timers.after(answerMs, () => this.#settle(id, false));
      this.#waiting.set(id, { settle, stop });
    });
  }

  receive(message: Purges | PurgesWanted | Purged): void {
    if (message.kind === 'purged') {
      this.#settle(message.id, message.isComplete);
    } else if (message.kind === 'purges-wanted') {
      const { floor } = this.log;
      const records = this.log.since(message.since);
      for (const page of writePurges(floor, records)) this.#link.send(page);
    } else {
      this.#told = Math.max(this.#told, message.floor);
      this.log.raiseFloor(message.floor);
      for (const record of readPurges(message)) this.#learn(record);
      if (message.isPart) return;
      this.isComplete = true;
      this.#tell();
    }
  }

  connected(): void {
    this.#tell();
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const command of unsent) {
      if (!this.#ask(this.#link.nextId(), command)) this.#unsent.push(command);
    }
  }

  /** Nobody will answer: what was asked for may have been done in part. */
  disconnected(): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, false);
  }

  close(): void {
    this.disconnected();
  }

  #ask(id: number, { kind, value, isSoft }: PurgeCommand): boolean {
    if (!this.#link.connected) return false;
    return this.#link.send({ kind: 'purge', id, what: kind, value, isSoft });
  }

  #tell(): void {
    this.#link.send({ kind: 'purges-known', generation: this.#told });
  }

  /** One that comes late, because clocks were set back, reaches all that came before it was known. */
  #learn(record: PurgeRecord): void {
    this.#told = Math.max(this.#told, record.generation);
    const newest = this.log.generation;
    if (this.log.add(record) && record.generation <= newest) this.log.raiseFloor(newest + 1);
  }

  #holdHere(command: PurgeCommand): void {
    const generation = Math.max(this.log.generation + 1, this.#timers.wallMs());
    this.log.add({ ...command, generation });
    this.#unsent.push(command);
    if (this.#unsent.length <= unsentMax) return;
    const isSoft = this.#unsent.every((one) => one.isSoft);
    this.#unsent = [{ kind: 'all', value: '', isSoft }];
  }

  #settle(id: number, isComplete: boolean): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.stop();
    waiting.settle(isComplete);
  }
}
