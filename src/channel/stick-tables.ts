// The tables of sessions of one process, and how they follow those of the process at the other end of a
// link. Both ends do the same: each says which tables it has, and is then told what the other knows of
// those, all of it once and after that what changes.

import { namesMax, type SessionMessage, type SessionsWanted } from './messages.ts';
import { StickFollower } from './stick-follower.ts';
import { pageRecordsMax, readPage, writePages } from './stick-page.ts';
import { type StickBounds, type StickSurroundings, StickTable } from './stick-table.ts';

/** What a configuration says about the sessions of one upstream. */
export interface StickSpec extends StickBounds {
  readonly upstream: string;
}

/** Pages that one end sends in one go: the event loop belongs to others too. */
const pagesPerTurn = 8;
/** Upstreams that one end may want. */
const wantedMax = 65_536;

export class StickTables {
  readonly #tables = new Map<string, StickTable>();
  /** Tables that no other end has told everything yet. */
  readonly #incomplete = new Set<string>();
  readonly #surroundings: StickSurroundings;
  /** Origins are numbers of ends; 0 is this process itself. */
  #ends = 0;
  /** Told when there is something to tell at some end; uses of sessions are no news, they can wait. */
  onChange: (isNews: boolean) => void = () => {};
  /** Grows with every change of a table, and of what tables there are. */
  changes = 0;

  /** `nowMs` is a clock that all processes of the host read alike. */
  constructor(nowMs: () => number) {
    this.#surroundings = { nowMs, onChange: (isNews) => this.#changed(isNews) };
  }

  /** Some other end has told what it had, for every table. */
  get isComplete(): boolean {
    return this.#incomplete.size === 0;
  }

  /** Sessions held, by upstream. */
  get sizes(): { readonly upstream: string; readonly sessions: number }[] {
    return [...this.#tables].map(([upstream, { size }]) => ({ upstream, sessions: size }));
  }

  /** Returns the table of an upstream; its bounds count when it is new. */
  tableOf({ upstream, ...bounds }: StickSpec): StickTable {
    let table = this.#tables.get(upstream);
    if (table === undefined) {
      table = new StickTable(bounds, this.#surroundings);
      this.#tables.set(upstream, table);
      this.#incomplete.add(upstream);
      this.#changed(true);
    }
    return table;
  }

  /** These are the tables from now on; others are forgotten with all that is in them. */
  install(specs: readonly StickSpec[]): void {
    const names = new Set(specs.map(({ upstream }) => upstream));
    for (const name of this.#tables.keys()) {
      if (names.has(name)) continue;
      this.#tables.delete(name);
      this.#incomplete.delete(name);
    }
    for (const spec of specs) this.tableOf(spec).configure(spec);
  }

  /** Another end has told everything of that upstream. */
  complete(upstream: string): void {
    this.#incomplete.delete(upstream);
  }

  /** Begins at a new link. */
  open(): StickEnd {
    this.#ends += 1;
    return new StickEnd(this, this.#tables, this.#ends);
  }

  #changed(isNews: boolean): void {
    this.changes += 1;
    this.onChange(isNews);
  }
}

/** This side's end of one link. */
export class StickEnd {
  readonly #owner: StickTables;
  readonly #tables: ReadonlyMap<string, StickTable>;
  readonly #origin: number;
  /** Tables that the other side knows to be wanted here. */
  #announced = new Set<StickTable>();
  /** What the other side wants, and the table that it has followed so far. */
  readonly #wanted = new Map<string, StickFollower | null>();
  /** Followers that were told to have caught up. */
  readonly #caughtUp = new WeakSet<StickFollower>();
  /** `changes` of the owner when nothing was left to send. */
  #settledAt = -1;

  constructor(owner: StickTables, tables: ReadonlyMap<string, StickTable>, origin: number) {
    this.#owner = owner;
    this.#tables = tables;
    this.#origin = origin;
  }

  receive(message: SessionMessage): void {
    if (message.kind === 'wanted') {
      // It may have lost what it had: it hears all again.
      for (const upstream of message.upstreams) {
        if (this.#wanted.size < wantedMax) this.#wanted.set(upstream, null);
      }
      this.#settledAt = -1;
      this.#owner.onChange(true);
      return;
    }
    if (message.kind === 'complete') {
      this.#owner.complete(message.upstream);
      return;
    }
    const table = this.#tables.get(message.upstream);
    if (table === undefined) return;
    for (const record of readPage(message)) table.merge(record, this.#origin);
  }

  /** Something may be left to send. */
  get hasMore(): boolean {
    return this.#settledAt !== this.#owner.changes;
  }

  /** Returns what is to be sent next; more may be left when it is much. */
  take(): SessionMessage[] {
    if (!this.hasMore) return [];
    const messages: SessionMessage[] = this.#announce();
    let isSettled = true;
    for (const upstream of this.#wanted.keys()) {
      const follower = this.#followerOf(upstream);
      if (follower === null) continue;
      while (follower.hasMore && messages.length < pagesPerTurn) {
        messages.push(...writePages(upstream, follower.table, follower.take(pageRecordsMax)));
      }
      isSettled &&= !follower.hasMore;
      if (follower.hasMore || this.#caughtUp.has(follower)) continue;
      this.#caughtUp.add(follower);
      messages.push({ kind: 'complete', upstream });
    }
    if (isSettled) this.#settledAt = this.#owner.changes;
    return messages;
  }

  #followerOf(upstream: string): StickFollower | null {
    const table = this.#tables.get(upstream);
    if (table === undefined) return null;
    const known = this.#wanted.get(upstream) ?? null;
    if (known?.table === table) return known;
    const follower = new StickFollower(table, this.#origin);
    this.#wanted.set(upstream, follower);
    return follower;
  }

  #announce(): SessionsWanted[] {
    const names: string[] = [];
    const announced = new Set<StickTable>();
    for (const [upstream, table] of this.#tables) {
      if (!this.#announced.has(table)) names.push(upstream);
      announced.add(table);
    }
    this.#announced = announced;
    const messages: SessionsWanted[] = [];
    for (let from = 0; from < names.length; from += namesMax) {
      messages.push({ kind: 'wanted', upstreams: names.slice(from, from + namesMax) });
    }
    return messages;
  }
}
