// Remembers what was found out at some cost, for a while and within bounds. What is remembered under is a
// keyed hash, so that no credential stays in memory.

import { createHmac, randomBytes } from 'node:crypto';

export class Verdicts<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  readonly #entriesMax: number;
  readonly #key = randomBytes(32);

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  /** Returns the key for a secret; the same for the same parts, and of no use outside of this process. */
  keyOf(...parts: readonly string[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(`${part.length}:`).update(part, 'latin1');
    return hmac.digest('base64');
  }

  /** Returns what is known, or undefined. */
  get(key: string, nowMs: number): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs < entry.untilMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value, untilMs: number): void {
    // The oldest makes room.
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, untilMs });
  }

  clear(): void {
    this.#entries.clear();
  }
}
