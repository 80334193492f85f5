// The body of a fetch, given to those who read it while it arrives. As long as it is held, each reads at a
// pace of their own, and who comes late gets all of it. What is not held, or not any more, they get as it
// comes, at the pace of the slowest, whose patience with one another is bounded.
//
//   empty ──hold──► held ──take, store──► closed: the rest is read from what is in the store
//     │              └── too much ──► spilt ──all have read what was held──► catching up ──┐
//     └──relay─────────────────────────────────────────────────────────────────────────────┴──► live

import { ProxyError } from '../../core/errors.ts';
import type { Source } from '../../core/sink.ts';
import type { Timers } from '../../std/timers.ts';
import type { Audience } from './audience.ts';
import type { HeldBytes } from './held-bytes.ts';
import { Pace } from './pace.ts';
import type { Feed } from './waiter.ts';

const NO_BYTES = new Uint8Array(0);
const TOO_SLOW = new ProxyError('reader_too_slow');

/** Whose body it is; implemented by fill.ts. */
export interface BodyOwner {
  /** All of it has come, and is held. */
  allHeld(): void;
  /** So many bytes are more than can be held: from now on it is live for those who have begun to read. */
  outgrown(bytes: number): void;
  /** All of a live one has come, and everybody has got it. */
  allGiven(): void;
}

export class FetchedBody implements Feed {
  readonly #owner: BodyOwner;
  readonly #readers: Audience;
  readonly #timers: Timers;
  #state: 'empty' | 'held' | 'spilt' | 'catching-up' | 'live' | 'closed' = 'empty';
  /** Where it comes from. */
  #source: Source | null = null;
  #held: HeldBytes | null = null;
  #stored: Uint8Array | null = null;
  /** Came while some still read what is held. */
  #late: Uint8Array[] = [];
  /** Of those who read a spilt one. */
  #pace: Pace | null = null;
  #hasEnded = false;

  constructor(owner: BodyOwner, readers: Audience, timers: Timers) {
    this.#owner = owner;
    this.#readers = readers;
    this.#timers = timers;
  }

  /** What comes from `source` is put behind what is held. */
  hold(held: HeldBytes, source: Source): void {
    this.#state = 'held';
    this.#held = held;
    this.#source = source;
  }

  /** What comes from `source` is given on. */
  relay(source: Source): void {
    this.#state = 'live';
    this.#source = source;
  }

  get held(): Uint8Array {
    if (this.#stored !== null) return this.#stored;
    return this.#held === null ? NO_BYTES : this.#held.bytes;
  }

  get heldBytes(): number {
    if (this.#stored !== null) return this.#stored.byteLength;
    return this.#held === null ? 0 : this.#held.length;
  }

  get isComplete(): boolean {
    return this.#stored !== null;
  }

  /** Returns whether more may come now. */
  write(chunk: Uint8Array): boolean {
    if (this.#state === 'held') {
      if (this.#held!.append(chunk)) {
        this.#readers.pump();
        return true;
      }
      this.#spill(this.#held!.length + chunk.byteLength);
    }
    if (this.#state === 'spilt' || this.#state === 'catching-up') {
      this.#late.push(new Uint8Array(chunk));
      this.#updatePace();
      return false;
    }
    if (this.#state !== 'live') return true;
    this.#readers.relay(chunk);
    this.#updatePace();
    // Who left meanwhile, or has room again, has not made the source go on: it was not stopped yet.
    return !this.#readers.isBlocked;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#state === 'held') this.#owner.allHeld();
    else if (this.#state === 'live') this.#owner.allGiven();
  }

  /** Returns what is held: it is the caller's. */
  take(): Uint8Array {
    const bytes = this.#held!.take();
    this.#held = null;
    return bytes;
  }

  /** The whole is in the store, and read from there. */
  store(stored: Uint8Array): void {
    this.#stored = stored;
  }

  blocked(): void {
    this.#updatePace();
  }

  /** Somebody is not behind any more, or is gone. */
  caughtUp(): void {
    if (this.#state === 'spilt') this.#giveLate();
    this.#updatePace();
    const mayGoOn = this.#state === 'live' && !this.#hasEnded;
    if (mayGoOn && !this.#readers.isBlocked) this.#source!.resume();
  }

  /** Nothing is held any more, nor given but of what is stored. Idempotent. */
  close(): void {
    this.#state = 'closed';
    this.#pace?.close();
    this.#release();
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #spill(bytes: number): void {
    this.#state = 'spilt';
    this.#pace = new Pace(this.#timers, () => this.#dropSlow());
    this.#owner.outgrown(bytes);
    if (!this.#isClosed()) this.#giveLate();
  }

  /** As soon as all have read what was held: first what came since, and what comes while they get that. */
  #giveLate(): void {
    if (!this.#readers.isCaughtUp) return;
    this.#state = 'catching-up';
    this.#release();
    for (const chunk of this.#late) this.#readers.relay(chunk);
    this.#late = [];
    if (this.#isClosed()) return;
    this.#state = 'live';
    if (this.#hasEnded) this.#owner.allGiven();
  }

  /** Somebody reads slower than before, or quicker. */
  #updatePace(): void {
    if (!this.#isClosed()) this.#pace?.update(this.#readers.isHeldUp);
  }

  #dropSlow(): void {
    this.#readers.dropSlow(TOO_SLOW);
    this.caughtUp();
  }

  #release(): void {
    this.#held?.release();
    this.#held = null;
  }
}
