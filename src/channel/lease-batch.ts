// Leases in bulk. With more than one worker each miss of a cache is three messages (seek, granted and
// lease-end), which one by one cost more than all the rest of it (15 to 45 µs of CPU; so 3). So those of
// one turn of the event loop are one message, each of them a record of 40 bytes:
//
//   0      8      16                 38      39
//   ├ id ──┼ ms ──┼ digest (ASCII) ──┼ what ─┼ 0 ┤
//
// Numbers are float64 LE; `ms` is `freshMs` of an end, and `passMs` of a denial.

import type { LeaseEnd } from '../core/cache.ts';
import {
  type CacheToSidecar,
  type Denied,
  digestChars,
  type Granted,
  type LeaseEnded,
  type Seek,
  type SidecarToCache,
} from '../core/cache-link.ts';
import { isCount, isSpan } from './value-checks.ts';

/** Records of leases, one behind the other. */
export interface Leases {
  readonly kind: 'leases';
  readonly records: Uint8Array;
}

const RECORD_BYTES = 40;
const MS_AT = 8;
const DIGEST_AT = 16;
const WHAT_AT = DIGEST_AT + digestChars;
/** In one message; then the next one begins. */
const RECORDS_MOST = 512;
/** How long the news that something is stored may wait for others. */
const STORED_MS = 2;

const SEEK = 0;
const GRANTED = 1;
const DENIED = 2;
/** From here on how a lease ended. */
const ENDED = 3;
const ENDS: readonly LeaseEnd[] = ['stored', 'uncacheable', 'failed'];
const WHATS = ENDED + ENDS.length;

/** Takes messages about the cache to the other side: leases at the end of the turn, all others at once. */
export class LeaseOutbox<Message extends CacheToSidecar | SidecarToCache> {
  readonly #send: (message: Message | Leases) => boolean;
  readonly #records = Buffer.alloc(RECORDS_MOST * RECORD_BYTES);
  readonly #view = new DataView(this.#records.buffer, this.#records.byteOffset);
  #used = 0;
  #isLeaving = false;
  #timer: NodeJS.Timeout | null = null;
  readonly #flushNow = () => {
    this.#isLeaving = false;
    this.flush();
  };
  readonly #flushLate = () => {
    this.#timer = null;
    this.flush();
  };

  /** `send` returns false when a message could not be sent. */
  constructor(send: (message: Message | Leases) => boolean) {
    this.#send = send;
  }

  /** Returns false when it could not be sent; leases are on their way, or are lost with the link. */
  send(message: Message): boolean {
    if (!this.#gather(message)) {
      // It may be about a lease that waits here.
      this.flush();
      return this.#send(message);
    }
    if (message.kind === 'lease-end' && message.end === 'stored') this.#flushSoon();
    else this.#flushAtEndOfTurn();
    if (this.#used === this.#records.length) this.flush();
    return true;
  }

  /** Sends what waits. */
  flush(): void {
    if (this.#used === 0) return;
    const records = this.#records.subarray(0, this.#used);
    this.#used = 0;
    this.#send({ kind: 'leases', records });
  }

  /** The link is gone, and with it whoever was to be told. */
  clear(): void {
    this.#used = 0;
  }

  #flushAtEndOfTurn(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    setImmediate(this.#flushNow);
  }

  /** Mostly nobody waits for it, and the next seek takes it along. */
  #flushSoon(): void {
    if (this.#isLeaving || this.#timer !== null) return;
    this.#timer = setTimeout(this.#flushLate, STORED_MS);
    this.#timer.unref();
  }

  #gather(message: CacheToSidecar | SidecarToCache): boolean {
    switch (message.kind) {
      case 'seek':
        return this.#add(SEEK, message.id, 0, message.digest);
      case 'lease-end': {
        const what = ENDED + ENDS.indexOf(message.end);
        return this.#add(what, message.id, message.freshMs, message.digest);
      }
      case 'granted':
        return this.#add(GRANTED, message.id, 0, '');
      case 'denied':
        return this.#add(DENIED, message.id, message.passMs, '');
      default:
        return false;
    }
  }

  #add(what: number, id: number, ms: number, digest: string): boolean {
    // One of another length goes as a message of its own.
    if (digest.length !== digestChars && digest !== '') return false;
    const at = this.#used;
    this.#view.setFloat64(at, id, true);
    this.#view.setFloat64(at + MS_AT, ms, true);
    for (let char = 0; char < digest.length; char++) {
      this.#records[at + DIGEST_AT + char] = digest.charCodeAt(char);
    }
    this.#records[at + WHAT_AT] = what;
    this.#used = at + RECORD_BYTES;
    return true;
  }
}

/** Whether these are whole records of what workers tell the sidecar. */
export function areSought(value: unknown): boolean {
  return areRecords(value, (what) => what === SEEK || (what >= ENDED && what < WHATS));
}

/** Whether these are whole records of what the sidecar tells workers. */
export function areAnswers(value: unknown): boolean {
  return areRecords(value, (what) => what === GRANTED || what === DENIED);
}

/** Each with an id and a span of time. */
function areRecords(value: unknown, isMeant: (what: number) => boolean): boolean {
  if (!(value instanceof Uint8Array) || value.byteLength % RECORD_BYTES !== 0) return false;
  if (value.byteLength > RECORDS_MOST * RECORD_BYTES) return false;
  const view = viewOf(value);
  for (let at = 0; at < value.byteLength; at += RECORD_BYTES) {
    if (!isCount(view.getFloat64(at, true))) return false;
    if (!isSpan(view.getFloat64(at + MS_AT, true))) return false;
    if (!isMeant(value[at + WHAT_AT]!)) return false;
  }
  return true;
}

/** Hands on what well-formed records of a worker stand for, in their order. */
export function readSought(records: Uint8Array, take: (message: Seek | LeaseEnded) => void): void {
  const view = viewOf(records);
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const id = view.getFloat64(at, true);
    const digest = bytes.toString('latin1', at + DIGEST_AT, at + WHAT_AT);
    const what = bytes[at + WHAT_AT]!;
    if (what === SEEK) take({ kind: 'seek', id, digest });
    else {
      const freshMs = view.getFloat64(at + MS_AT, true);
      take({ kind: 'lease-end', id, digest, end: ENDS[what - ENDED]!, freshMs });
    }
  }
}

/** Hands on what well-formed records of the sidecar stand for, in their order. */
export function readAnswers(records: Uint8Array, take: (message: Granted | Denied) => void): void {
  const view = viewOf(records);
  for (let at = 0; at < records.byteLength; at += RECORD_BYTES) {
    const id = view.getFloat64(at, true);
    if (records[at + WHAT_AT] === GRANTED) take({ kind: 'granted', id });
    else take({ kind: 'denied', id, passMs: view.getFloat64(at + MS_AT, true) });
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
