// The patience of those who read the same body as it comes: nobody has to wait for slower ones longer than so
// much, all in all.

import type { Cancel, Timers } from '../../std/timers.ts';

const PATIENCE_MS = 5000;

export class Pace {
  readonly #timers: Timers;
  readonly #onStalled: () => void;
  #leftMs = PATIENCE_MS;
  #sinceMs = 0;
  #stop: Cancel | null = null;

  /** `onStalled`: there is no patience left; called at most once for each time that it is tried. */
  constructor(timers: Timers, onStalled: () => void) {
    this.#timers = timers;
    this.#onStalled = onStalled;
  }

  /** Whether some wait for others now. */
  update(isHeldUp: boolean): void {
    if (isHeldUp === (this.#stop !== null)) return;
    const nowMs = this.#timers.nowMs();
    if (isHeldUp) {
      this.#sinceMs = nowMs;
      this.#stop = this.#timers.after(Math.max(0, this.#leftMs), () => {
        this.#stop = null;
        this.#leftMs = 0;
        this.#onStalled();
      });
    } else {
      this.close();
      this.#leftMs -= nowMs - this.#sinceMs;
    }
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
  }
}
