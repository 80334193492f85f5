// Which names get a certificate because a client asked for them: those that the operator's own program allows,
// so many in all and so many a minute. Whatever is refused costs no authority anything.

import type { OnDemandConfig } from '../../config/schema-certificates.ts';
import type { Clock } from '../../std/clock.ts';
import { lazyPackage } from '../../std/lazy.ts';

const loadUndici = lazyPackage<typeof import('undici')>('undici');
const MINUTE_MS = 60_000;

/** What is decided about one listener's names. */
export class OnDemandGate {
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #askedAtMs: number[] = [];
  #settings: OnDemandConfig;

  constructor(settings: OnDemandConfig, clock: Pick<Clock, 'nowMs'>) {
    this.#settings = settings;
    this.#clock = clock;
  }

  configure(settings: OnDemandConfig): void {
    this.#settings = settings;
  }

  /** Tells whether one more name fits in beside those that have a certificate. */
  hasRoom(certificates: number): boolean {
    return certificates < this.#settings.certificatesMax;
  }

  /** Counts a question about a new name; false when there were too many in the last minute. */
  takeQuestion(): boolean {
    const nowMs = this.#clock.nowMs();
    while (this.#askedAtMs.length > 0 && this.#askedAtMs[0]! <= nowMs - MINUTE_MS) {
      this.#askedAtMs.shift();
    }
    if (this.#askedAtMs.length >= this.#settings.perMinute) return false;
    this.#askedAtMs.push(nowMs);
    return true;
  }

  /** Asks the operator's program; what does not answer in time, or with another status than 200, says no. */
  async isAllowed(name: string): Promise<boolean> {
    const { ask, timeoutMs } = this.#settings;
    const url = new URL(ask);
    url.searchParams.set('domain', name);
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { statusCode, body } = await loadUndici().request(url, { signal });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  }
}
