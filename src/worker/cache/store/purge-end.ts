// This worker's end of purges: asks for them, learns those of the others, and says how far it has come. A
// purge without a sidecar holds here at once, and everywhere else as soon as there is one again. One that the
// sidecar has been asked for holds here already, so that who has changed something finds it changed.

import type { PurgeCommand, StoredResponse } from '../../../core/cache.ts';
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
  readonly command: PurgeCommand;
  readonly settle: (isComplete: boolean) => void;
  readonly stop: Cancel;
}

export class PurgeEnd {
  readonly log = new PurgeLog();
  /** Some sidecar has told all that it knew: no purge from before this worker began is missing. */
  isComplete = false;
  /** Resolves when that is so. */
  readonly completed: Promise<void>;
  #complete = () => {};
  readonly #link: CacheLink;
  readonly #timers: Timers;
  readonly #waiting = new Map<number, Waiting>();
  /** How many purges of each URL and tag, hard ones, the sidecar has been asked for and has not answered. */
  readonly #asked = new Map<string, number>();
  /** How many of these are of tags. */
  #tagsAsked = 0;
  #unsent: PurgeCommand[] = [];
  /** Sidecars have told all purges up to this one; some of this worker's own may be later. */
  #told = 0;

  constructor(link: CacheLink, timers: Timers) {
    this.#link = link;
    this.#timers = timers;
    this.completed = new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  /** Some URLs or tags are being purged. */
  get isAsking(): boolean {
    return this.#asked.size > 0;
  }

  /** Whether one of them reaches this answer. */
  isAskedFor({ url, tags }: Pick<StoredResponse, 'url' | 'tags'>): boolean {
    return this.#asked.has(`url ${url}`) || tags.some((tag) => this.#asked.has(`tag ${tag}`));
  }

  /** Whether one of them may reach an answer whose tags nobody knows yet. */
  mayReach(url: string): boolean {
    return this.#tagsAsked > 0 || this.#asked.has(`url ${url}`);
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
      this.#waiting.set(id, { command, settle, stop });
      this.#count(command, 1);
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
      this.#complete();
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

  /** Nobody will answer: what was asked for may have been done in part. The next sidecar is asked again. */
  disconnected(): void {
    for (const [id, { command }] of [...this.#waiting]) {
      this.#holdHere(command);
      this.#settle(id, false);
    }
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
    this.#count(waiting.command, -1);
    waiting.settle(isComplete);
  }

  #count({ kind, value, isSoft }: PurgeCommand, change: 1 | -1): void {
    if (isSoft || (kind !== 'url' && kind !== 'tag')) return;
    if (kind === 'tag') this.#tagsAsked += change;
    const name = `${kind} ${value}`;
    const count = (this.#asked.get(name) ?? 0) + change;
    if (count === 0) this.#asked.delete(name);
    else this.#asked.set(name, count);
  }
}
