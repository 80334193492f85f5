// All tunnels of a worker, of every configuration that still has one: looks for idle ones, and says
// goodbye to all of them when the worker ends.

/** A tunnel as the registry sees it, open or still being opened. */
export interface RegisteredTunnel {
  /** Closes itself when it has been idle for too long. */
  sweep(nowMs: number): void;
  /** The worker ends: closes both ends with `code`. */
  goAway(code: number): void;
}

const SWEEP_MS = 1000;

export class TunnelRegistry {
  /** Between two looks at all tunnels. */
  readonly sweepMs: number;
  readonly #tunnels = new Set<RegisteredTunnel>();
  #timer: NodeJS.Timeout | null = null;
  #isClosing = false;
  /** `performance.now()` at the last sweep: costs nothing to ask, and is late by one sweep at most. */
  nowMs = performance.now();

  constructor(sweepMs = SWEEP_MS) {
    this.sweepMs = sweepMs;
  }

  get size(): number {
    return this.#tunnels.size;
  }

  /** No new tunnels are wanted. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  add(tunnel: RegisteredTunnel): void {
    this.#tunnels.add(tunnel);
    if (this.#timer !== null) return;
    this.nowMs = performance.now();
    this.#timer = setInterval(() => this.#sweep(), this.sweepMs).unref();
  }

  delete(tunnel: RegisteredTunnel): void {
    this.#tunnels.delete(tunnel);
    if (this.#tunnels.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Closes every tunnel with `code` (1001: going away) and refuses new ones; idempotent. */
  closeAll(code: number): void {
    this.#isClosing = true;
    for (const tunnel of [...this.#tunnels]) tunnel.goAway(code);
  }

  #sweep(): void {
    this.nowMs = performance.now();
    for (const tunnel of this.#tunnels) tunnel.sweep(this.nowMs);
  }
}
