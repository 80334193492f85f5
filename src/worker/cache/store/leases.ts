// Who fetches: one seeker for each key at a time, over all workers as long as the sidecar answers, else in
// this one. The others wait for the answer, 5 s at most.

import { hash } from 'node:crypto';
import type { Lease, LeaseEnd, LeaseSeeker } from '../../../core/cache.ts';
import {
  type CacheLink,
  type Denied,
  digestChars,
  type Granted,
  leaseMs,
  type Shared,
} from '../../../core/cache-link.ts';
import { ChurnMap } from '../../../std/churn-map.ts';
import type { Cancel, Timers } from '../../../std/timers.ts';

/** Keys that are sought at the same time; who comes with more fetches without a lease. */
const seatsMax = 8192;
/** For seats by their numbers: a power of two, above `seatsMax`. */
const places = 16_384;
const sweepMs = 250;
/** How long reading what another worker has written may take. */
const readMs = 2000;
/** How long others may ask for what was stored here; after that one more fetch costs little. */
const shareMsMax = 3_600_000;

interface Waiting {
  readonly seeker: LeaseSeeker;
  readonly untilMs: number;
}

/** Everybody in this worker who wants the same key. */
interface Seat {
  readonly id: number;
  readonly key: string;
  readonly digest: string;
  /**
   * asking: the sidecar has not answered; answered: it has; held: somebody here fetches; reading: another
   * worker has it.
   */
  state: 'asking' | 'answered' | 'held' | 'reading';
  /** When holding or reading is over. */
  untilMs: number;
  readonly waiting: Waiting[];
}

export interface LeasesOptions {
  readonly link: CacheLink;
  readonly timers: Timers;
  /** Takes in what another worker has written; false when that cannot be read. */
  readonly takeIn: (file: string) => Promise<boolean>;
  readonly onPass: (key: string, passMs: number) => void;
  /** Told of every key that was stored under a lease. */
  readonly onStored: (digest: string, key: string) => void;
}

export class Leases {
  granted = 0;
  shared = 0;
  readonly #options: LeasesOptions;
  readonly #seats = new ChurnMap<Seat>();
  /** By the low bits of their numbers, which no two have in common. */
  readonly #byId = new Array<Seat | null>(places).fill(null);
  /** Those in `#byId`. */
  #known = 0;
  #sweep: Cancel | null = null;
  #isClosed = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** The sidecar owes an answer, which may be a lease. */
  get isAwaited(): boolean {
    return this.#byId.some((seat) => seat?.state === 'asking');
  }

  seek(key: string, seeker: LeaseSeeker): void {
    if (this.#isClosed) seeker.denied();
    else this.#join(key, { seeker, untilMs: this.#options.timers.nowMs() + leaseMs });
  }

  /** The sidecar's answer to a seat. */
  receive(message: Granted | Denied | Shared): void {
    const seat = this.#byId[message.id & (places - 1)]!;
    if (seat?.id !== message.id || seat.state !== 'asking') return;
    seat.state = 'answered';
    if (message.kind === 'granted') this.#grant(seat);
    else if (message.kind === 'denied') {
      if (message.passMs > 0) this.#options.onPass(seat.key, message.passMs);
      this.#end(seat, 'denied');
    } else if (message.kind === 'shared') {
      void this.#read(seat, message.file);
    }
  }

  /** The sidecar is gone: each worker goes on by itself. */
  disconnected(): void {
    for (const seat of this.#byId) if (seat?.state === 'asking') this.#grant(seat);
  }

  /** Everybody fetches for himself. What the sidecar still says is to be received until nothing is awaited. */
  close(): void {
    this.#isClosed = true;
    this.#sweep?.();
    this.#sweep = null;
    for (const seat of this.#seats.values()) this.#end(seat, 'denied');
  }

  #join(key: string, waiting: Waiting): void {
    const known = this.#seats.get(key);
    if (known !== undefined) {
      known.waiting.push(waiting);
      return;
    }
    if (this.#known >= seatsMax) {
      waiting.seeker.denied();
      return;
    }
    const { link } = this.#options;
    const digest = leaseDigest(key);
    const id = this.#nextId();
    const seat: Seat = { id, key, digest, state: 'asking', untilMs: 0, waiting: [waiting] };
    this.#seats.set(key, seat);
    this.#byId[id & (places - 1)] = seat;
    this.#known += 1;
    this.#sweep ??= this.#options.timers.after(sweepMs, () => this.#look());
    const isSent = link.connected && link.send({ kind: 'seek', id, digest });
    if (!isSent) this.#grant(seat);
  }

  /** One whose place is free. */
  #nextId(): number {
    const { link } = this.#options;
    let id = link.nextId();
    while (this.#byId[id & (places - 1)] !== null) id = link.nextId();
    return id;
  }

  async #read(seat: Seat, file: string): Promise<void> {
    const { takeIn, timers } = this.#options;
    seat.state = 'reading';
    seat.untilMs = timers.nowMs() + readMs;
    const isHere = await takeIn(file).catch(() => false);
    if (isHere) this.shared += seat.waiting.length;
    this.#end(seat, isHere ? 'shared' : 'denied');
  }

  /** The first who waits fetches. */
  #grant(seat: Seat): void {
    seat.state = 'held';
    const next = seat.waiting.shift();
    if (next === undefined) {
      // Everybody has left in the meantime: somebody else may have it.
      this.#forget(seat);
      const { id, digest } = seat;
      this.#options.link.send({ kind: 'lease-end', id, digest, end: 'failed', freshMs: 0 });
      return;
    }
    seat.untilMs = this.#options.timers.nowMs() + leaseMs;
    this.granted += 1;
    let isOver = false;
    const lease: Lease = {
      release: (end, freshUntilMs) => {
        if (isOver) return;
        isOver = true;
        this.#release(seat, end, freshUntilMs);
      },
    };
    next.seeker.granted(lease);
  }

  #release(seat: Seat, end: LeaseEnd, freshUntilMs: number): void {
    const { link, timers, onStored } = this.#options;
    const freshMs = Math.min(Math.max(0, freshUntilMs - timers.wallMs()), shareMsMax);
    if (end === 'stored') onStored(seat.digest, seat.key);
    link.send({ kind: 'lease-end', id: seat.id, digest: seat.digest, end, freshMs });
    // An answer that came after its lease was over is as good as any.
    const isCurrent = this.#seats.get(seat.key) === seat;
    const current = isCurrent ? seat : end === 'stored' ? this.#seats.get(seat.key) : undefined;
    if (current === undefined || (!isCurrent && current.state === 'held')) return;
    if (end === 'stored') this.#end(current, 'shared');
    else if (end === 'uncacheable') this.#end(current, 'denied');
    else this.#again(current);
  }

  /** Everybody who waits gets the same word. */
  #end(seat: Seat, word: 'shared' | 'denied'): void {
    this.#forget(seat);
    for (const { seeker } of seat.waiting.splice(0)) {
      if (word === 'shared') seeker.shared();
      else seeker.denied();
    }
  }

  /** Whoever waits seeks anew; how long they have waited counts. */
  #again(seat: Seat): void {
    this.#forget(seat);
    for (const waiting of seat.waiting.splice(0)) this.#join(seat.key, waiting);
  }

  /** Nobody joins it any more. As long as it may be granted it is known, or its lease would be nobody's. */
  #forget(seat: Seat): void {
    if (this.#seats.get(seat.key) === seat) this.#seats.delete(seat.key);
    const place = seat.id & (places - 1);
    if (this.#byId[place] !== seat || seat.state === 'asking') return;
    this.#byId[place] = null;
    this.#known -= 1;
  }

  #look(): void {
    this.#sweep = null;
    const nowMs = this.#options.timers.nowMs();
    for (const seat of this.#seats.values()) {
      while (seat.waiting.length > 0 && seat.waiting[0]!.untilMs <= nowMs) {
        seat.waiting.shift()!.seeker.denied();
      }
      if (seat.state === 'asking' || seat.untilMs > nowMs) continue;
      if (seat.state === 'held') this.#again(seat);
      else this.#end(seat, 'denied');
    }
    if (this.#seats.size > 0) {
      this.#sweep ??= this.#options.timers.after(sweepMs, () => this.#look());
    }
  }
}

/** Returns by what the sidecar knows a key: 132 bits that nobody finds two keys for. */
export function leaseDigest(leaseKey: string): string {
  return hash('sha256', leaseKey, 'base64url').slice(0, digestChars);
}
