// A worker's account of its peers and upstreams for the sidecar: gives them numbers, notes what changed,
// writes the messages and applies the reports. No sockets and no timers: those are in client.

import { limits } from '../core/limits.ts';
import type { Peer } from '../core/peer.ts';
import type { UpstreamGuard } from '../core/upstream-guard.ts';
import {
  believe,
  type Counted,
  createEntry,
  type Entry,
  followBreaker,
  followPeer,
  trafficOf,
} from './ledger-entry.ts';
import {
  type Counters,
  groupsMax,
  idLengthMax,
  namesMax,
  type PeerNames,
  type Report,
} from './messages.ts';
import type { OwnOutcome, Standing } from './own-verdict.ts';

/** Peers' outcomes are told this often: they are for success rates, which need hundreds of them. */
const trafficEveryMs = 1000;

const countDirty = 1;
const outcomeDirty = 2;

type Lists = Pick<Counters, 'inFlight' | 'outcomes' | 'ejected' | 'down' | 'traffic'>;

export class Ledger {
  /** By number. */
  readonly #entries: (Entry | null)[] = [];
  readonly #free: number[] = [];
  readonly #renamed = new Set<number>();
  #retired = 0;
  // Preallocated for the hot path: a flag per number, and the numbers whose flag is set.
  #dirty = new Uint8Array(64);
  #dirtyNumbers = new Uint32Array(64);
  #dirtyCount = 0;
  #sequence = 0;
  #guards: Entry[] = [];
  #trafficAtMs = 0;

  /** Sequence of the last message. */
  get sequence(): number {
    return this.#sequence;
  }

  get hasChanges(): boolean {
    return this.#dirtyCount > 0 || this.#renamed.size > 0;
  }

  /**
   * Sets the peers of the current configuration; returns the numbers that were given or taken. Peers
   * beyond `limits.linkPeersMax` get none: their counters stay this worker's own.
   */
  track(peers: readonly Peer[]): number[] {
    const wanted = new Set<Counted>(peers);
    for (const { group } of peers) wanted.add(group.guard);
    const changed: number[] = [];
    for (const entry of this.#entries) {
      if (entry === null) continue;
      const retired = !wanted.has(entry.counted);
      if (retired !== entry.retired) this.#retired += retired ? 1 : -1;
      entry.retired = retired;
      if (retired && entry.counted.inFlight === 0) changed.push(this.#release(entry));
    }
    for (const counted of wanted) {
      if (counted.ledgerNumber < 0 && this.#enter(counted)) changed.push(counted.ledgerNumber);
    }
    return changed;
  }

  /** Returns the id behind a number, '' when it is free. */
  idOf(number: number): string {
    return this.#entries[number]?.counted.id ?? '';
  }

  /** `counted.inFlight` changed. Returns true when this is the first change since the last message. */
  touched(counted: Counted): boolean {
    const number = counted.ledgerNumber;
    return number >= 0 && this.#mark(number, countDirty);
  }

  /** The peer failed. Returns the outcome to judge, or null when the peer has no number. */
  failed(peer: Peer): OwnOutcome | null {
    peer.failuresInRow += 1;
    const entry = this.#entries[peer.ledgerNumber];
    if (entry === undefined || entry === null) return null;
    entry.failures += 1;
    entry.run += 1;
    return this.#judged(entry);
  }

  /** The peer did well after a failure here or, as the sidecar told, elsewhere. */
  succeeded(peer: Peer): OwnOutcome | null {
    peer.failuresInRow = 0;
    const entry = this.#entries[peer.ledgerNumber];
    if (entry === undefined || entry === null) return null;
    entry.run = 0;
    entry.resets += 1;
    return this.#judged(entry);
  }

  /** Returns the messages that tell a new link everything. */
  begin({ ejected, down }: Standing): (PeerNames | Counters)[] {
    this.#releaseIdle();
    const numbers = this.#entries.map((_entry, number) => number);
    const named = this.#name(numbers);
    const entries = this.#entries.filter((entry) => entry !== null);
    this.#clear();
    const lists = {
      inFlight: entries.flatMap((entry) => [entry.number, entry.counted.inFlight]),
      outcomes: entries
        .filter(({ failures, resets }) => failures + resets > 0)
        .flatMap((entry) => [entry.number, entry.failures, entry.resets, entry.run]),
      ejected,
      down,
      traffic: this.allTraffic(),
    };
    return [...named, ...this.#count(lists, true)];
  }

  /** Returns the messages that tell what changed since the last ones. */
  take(nowMs: number): (PeerNames | Counters)[] {
    this.#releaseIdle();
    // Names first: the counters are those of the peers named so.
    const named = this.#name([...this.#renamed].sort((a, b) => a - b));
    const inFlight: number[] = [];
    const outcomes: number[] = [];
    for (let at = 0; at < this.#dirtyCount; at++) {
      const entry = this.#entries[this.#dirtyNumbers[at]!];
      if (entry === undefined || entry === null) continue;
      const dirty = this.#dirty[entry.number]!;
      if ((dirty & countDirty) !== 0) inFlight.push(entry.number, entry.counted.inFlight);
      if ((dirty & outcomeDirty) !== 0) {
        outcomes.push(entry.number, entry.failures, entry.resets, entry.run);
      }
    }
    this.#clear();
    const traffic = this.traffic(nowMs);
    return [
      ...named,
      ...this.#count({ inFlight, outcomes, traffic, ejected: [], down: [] }, false),
    ];
  }

  /** Returns outcomes as in `Counters.traffic` that were not told yet: of watched guards all. */
  traffic(nowMs: number): number[] {
    const traffic: number[] = [];
    for (const entry of this.#guards) {
      const { isWatched, answers } = entry.counted as UpstreamGuard;
      if (isWatched && answers !== entry.answersTold) traffic.push(...trafficOf(entry));
    }
    if (nowMs - this.#trafficAtMs < trafficEveryMs) return traffic;
    this.#trafficAtMs = nowMs;
    for (const entry of this.#entries) {
      if (entry === null || entry.counted.answers === entry.answersTold) continue;
      if ('healthy' in entry.counted) traffic.push(...trafficOf(entry));
    }
    return traffic;
  }

  /** Returns all outcomes, told or not. */
  allTraffic(): number[] {
    return this.#entries.flatMap((entry) => {
      return entry === null || entry.counted.answers === entry.answersBefore
        ? []
        : trafficOf(entry);
    });
  }

  /** Applies what the sidecar tells; returns the verdicts of it that were meant for these names. */
  apply(report: Report, nowMs: number): number[] {
    for (let at = 0; at < report.inFlight.length; at += 2) {
      const entry = this.#entries[report.inFlight[at]!];
      if (entry === undefined || entry === null || entry.namedAt > report.acknowledged) continue;
      believe(entry.counted, report.inFlight[at + 1]!);
    }
    for (const entry of this.#entries) {
      if (entry !== null && 'healthy' in entry.counted) {
        entry.counted.inFlightAtReport = entry.counted.inFlight;
      }
    }
    return this.follow(report.health, nowMs, report.acknowledged);
  }

  /**
   * Applies verdicts in groups as in `Report.health`, but for names given after `acknowledged`; returns
   * those that were applied.
   */
  follow(
    health: readonly number[],
    nowMs: number,
    acknowledged = Number.POSITIVE_INFINITY,
  ): number[] {
    const applied: number[] = [];
    for (let at = 0; at < health.length; at += 4) {
      const entry = this.#entries[health[at]!];
      if (entry === undefined || entry === null || entry.namedAt > acknowledged) continue;
      applied.push(...health.slice(at, at + 4));
      const { counted } = entry;
      if ('healthy' in counted) {
        // Said before it heard the latest from here: it will say again what it makes of that.
        const isOutdated = entry.judgedAt > acknowledged;
        followPeer(entry, counted, { flags: health[at + 1]!, isOutdated });
      } else {
        followBreaker(counted, health[at + 3]!, health[at + 2]!, nowMs);
      }
    }
    return applied;
  }

  /** Halves what is believed of the other workers; returns false when nothing is left of it. */
  fade(): boolean {
    let left = false;
    for (const entry of this.#entries) {
      if (entry === null) continue;
      believe(entry.counted, entry.counted.inFlightElsewhere >> 1);
      left ||= entry.counted.inFlightElsewhere > 0;
    }
    return left;
  }

  #enter(counted: Counted): boolean {
    if (counted.id.length > idLengthMax) return false;
    const number = this.#free.pop() ?? this.#entries.length;
    if (number >= limits.linkPeersMax) return false;
    if (number >= this.#dirty.length) this.#grow();
    const entry = createEntry(counted, number);
    this.#entries[number] = entry;
    if (!('healthy' in counted)) this.#guards.push(entry);
    counted.ledgerNumber = number;
    this.#renamed.add(number);
    if (counted.inFlight > 0) this.#mark(number, countDirty);
    return true;
  }

  #releaseIdle(): void {
    if (this.#retired === 0) return;
    for (const entry of this.#entries) {
      if (entry?.retired === true && entry.counted.inFlight === 0) this.#release(entry);
    }
  }

  #release(entry: Entry): number {
    const { counted } = entry;
    counted.ledgerNumber = -1;
    believe(counted, 0);
    if ('healthy' in counted) counted.healthy = true;
    else {
      followBreaker(counted, 0, 0, 0);
      this.#guards = this.#guards.filter((other) => other !== entry);
    }
    this.#entries[entry.number] = null;
    this.#free.push(entry.number);
    this.#renamed.add(entry.number);
    if (entry.retired) this.#retired -= 1;
    return entry.number;
  }

  #judged(entry: Entry): OwnOutcome {
    entry.judgedAt = Number.POSITIVE_INFINITY;
    this.#mark(entry.number, outcomeDirty);
    return entry;
  }

  #mark(number: number, flag: number): boolean {
    const before = this.#dirty[number]!;
    if (before === 0) {
      this.#dirtyNumbers[this.#dirtyCount] = number;
      this.#dirtyCount += 1;
    }
    this.#dirty[number] = before | flag;
    return before === 0 && this.#dirtyCount === 1;
  }

  #clear(): void {
    for (let at = 0; at < this.#dirtyCount; at++) this.#dirty[this.#dirtyNumbers[at]!] = 0;
    this.#dirtyCount = 0;
  }

  #grow(): void {
    const dirty = new Uint8Array(this.#dirty.length * 2);
    dirty.set(this.#dirty);
    this.#dirty = dirty;
    const numbers = new Uint32Array(dirty.length);
    numbers.set(this.#dirtyNumbers);
    this.#dirtyNumbers = numbers;
  }

  /** Names runs of numbers that follow each other, `numbers` ascending. */
  #name(numbers: readonly number[]): PeerNames[] {
    const messages: PeerNames[] = [];
    let ids: string[] = [];
    let next = -1;
    for (const number of numbers) {
      if (number !== next || ids.length === namesMax) {
        ids = [];
        messages.push({ kind: 'peers', sequence: this.#next(), first: number, ids });
      }
      ids.push(this.idOf(number));
      const entry = this.#entries[number];
      if (entry !== undefined && entry !== null) entry.namedAt = this.#sequence;
      next = number + 1;
    }
    this.#renamed.clear();
    return messages;
  }

  #count(lists: Lists, baseline: boolean): Counters[] {
    const { inFlight, outcomes, ejected, down, traffic } = lists;
    const groups = Math.max(
      inFlight.length / 2,
      outcomes.length / 4,
      ejected.length / 3,
      down.length,
      traffic.length / 3,
    );
    const messages: Counters[] = [];
    for (let from = 0; from < groups; from += groupsMax) {
      const to = from + groupsMax;
      const sequence = this.#next();
      for (let at = from * 4; at < Math.min(to * 4, outcomes.length); at += 4) {
        this.#entries[outcomes[at]!]!.judgedAt = sequence;
      }
      messages.push({
        kind: 'counters',
        sequence,
        baseline,
        inFlight: inFlight.slice(from * 2, to * 2),
        outcomes: outcomes.slice(from * 4, to * 4),
        ejected: ejected.slice(from * 3, to * 3),
        down: down.slice(from, to),
        traffic: traffic.slice(from * 3, to * 3),
      });
    }
    return messages;
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
