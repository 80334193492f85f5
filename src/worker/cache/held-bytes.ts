// The body of a fetch while it arrives: one buffer that is exactly as long as declared, or grows.

import { KIB } from '../../core/limits.ts';

/** A body of unknown length may grow to this as long as there is room. */
const FREELY_GROWN_BYTES = 256 * KIB;
/**
 * Beyond that, only while all bodies take no more than this share. When one turns out too long, what slow
 * clients have not read of it is held until they have, for nobody else: a few shall not keep others out.
 */
const GROWN_SHARE = 1 / 2;

/** What all fetches of a worker may hold together. */
export class HeldBudget {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Held now. */
  get bytes(): number {
    return this.#bytes;
  }

  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.bytesMax;
  }

  /** Takes so much of the budget; false when there is not enough. */
  take(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** The same for one that grows from `from` to `to` bytes, of which nobody knows how long it will be. */
  takeMore(from: number, to: number): boolean {
    const more = to - from;
    const isFree = to <= FREELY_GROWN_BYTES;
    if (!isFree && this.#bytes + more > this.bytesMax * GROWN_SHARE) return false;
    return this.take(more);
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }
}

const NOTHING = new Uint8Array(0);
const FIRST_BYTES = 16 * KIB;
/** A buffer with more room left over than this share is copied into one that fits. */
const WASTE_RATIO = 1 / 8;

export class HeldBytes {
  readonly #budget: HeldBudget;
  readonly #bytesMax: number;
  #buffer: Uint8Array;
  #length = 0;

  /** `declared`: length in bytes, -1 when unknown. Null when the budget has no room for it. */
  static open(budget: HeldBudget, declared: number, bytesMax: number): HeldBytes | null {
    const capacity = declared === -1 ? Math.min(FIRST_BYTES, bytesMax) : declared;
    return budget.take(capacity) ? new HeldBytes(budget, capacity, bytesMax) : null;
  }

  private constructor(budget: HeldBudget, capacity: number, bytesMax: number) {
    this.#budget = budget;
    this.#bytesMax = bytesMax;
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#length === this.#buffer.byteLength
      ? this.#buffer
      : this.#buffer.subarray(0, this.#length);
  }

  /** Copies a chunk behind what is there; false, and nothing done, when that would be too much. */
  append(chunk: Uint8Array): boolean {
    const length = this.#length + chunk.byteLength;
    if (length > this.#buffer.byteLength && !this.#grow(length)) return false;
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
    return true;
  }

  /** Returns the whole for the store; what was held counts against the budget no more. */
  take(): Uint8Array {
    const { bytes } = this;
    const isLoose = this.#buffer.byteLength - this.#length > this.#buffer.byteLength * WASTE_RATIO;
    const whole = isLoose ? new Uint8Array(bytes) : bytes;
    this.release();
    return whole;
  }

  /** What is held counts no more. Idempotent. */
  release(): void {
    this.#budget.giveBack(this.#buffer.byteLength);
    this.#buffer = NOTHING;
    this.#length = 0;
  }

  #grow(length: number): boolean {
    if (length > this.#bytesMax) return false;
    const capacity = Math.min(this.#bytesMax, Math.max(length, this.#buffer.byteLength * 2));
    if (!this.#budget.takeMore(this.#buffer.byteLength, capacity)) return false;
    const larger = Buffer.allocUnsafeSlow(capacity);
    larger.set(this.bytes);
    this.#buffer = larger;
    return true;
  }
}
