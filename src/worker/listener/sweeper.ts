// The one timer of a listener: looks after everything that is slow (uploads, stalled readers, idle
// WebSockets, connections that linger). What is fast never gets here.

/** Something that wants to be looked at from time to time. */
export interface Swept {
  /** Called about once a tick until it is removed; may remove itself. */
  tick(): void;
}

export class Sweeper {
  readonly tickMs: number;
  readonly #swept = new Set<Swept>();
  readonly #report: (error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(tickMs: number, report: (error: unknown) => void) {
    this.tickMs = tickMs;
    this.#report = report;
  }

  get size(): number {
    return this.#swept.size;
  }

  /** Harmless when it is there already. The timer runs only while there is something to look at. */
  add(swept: Swept): void {
    this.#swept.add(swept);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#sweep(), this.tickMs);
    this.#timer.unref();
  }

  remove(swept: Swept): void {
    this.#swept.delete(swept);
  }

  /** Ticks that make up `ms`, at least one. */
  ticks(ms: number): number {
    return Math.max(1, Math.ceil(ms / this.tickMs));
  }

  #sweep(): void {
    if (this.#swept.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    for (const swept of this.#swept) {
      try {
        swept.tick();
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
