// What the authority of one certificate advises about its renewal (ARI, RFC 9773): asked now and then, and
// the moment that was chosen in its window kept as long as the window stays.

import type { Events } from '../../core/events.ts';
import type { Timers } from '../../std/timers.ts';
import { problemOf } from './acme/problem.ts';
import { momentIn, type RenewalInfo } from './acme/renewal-info.ts';
import type { Issuer } from './issuer.ts';
import type { KeptCertificate } from './kept-certificate.ts';

/** After a question that got no answer. */
const ASK_AGAIN_MS = 3_600_000;

export interface RenewalAdviceOptions {
  readonly name: string;
  readonly issuer: () => Pick<Issuer, 'renewalInfo'>;
  readonly events: Events;
  readonly timers: Timers;
  readonly random: () => number;
}

export class RenewalAdvice {
  readonly #options: RenewalAdviceOptions;
  /** Of the certificate that the rest is about. */
  #serial: string | null = null;
  #info: RenewalInfo | null = null;
  #momentMs = 0;
  #askAtMs = Number.POSITIVE_INFINITY;

  constructor(options: RenewalAdviceOptions) {
    this.#options = options;
  }

  /** When to ask again (Unix time in ms); Infinity for not until there is another certificate. */
  get askAtMs(): number {
    return this.#askAtMs;
  }

  /** Returns when to renew `current` (Unix time in ms), null without advice. */
  momentFor({ serial }: KeptCertificate): number | null {
    return this.#info !== null && this.#serial === serial ? this.#momentMs : null;
  }

  /** Asks the authority if it is time to. Never rejects: without advice there are the dates. */
  async ask(current: KeptCertificate | null): Promise<void> {
    const { issuer, events, name, timers, random } = this.#options;
    if (current === null || current.isPlaceholder) return;
    const nowMs = timers.wallMs();
    if (this.#serial === current.serial && nowMs < this.#askAtMs) return;
    if (this.#serial !== current.serial) this.#info = null;
    this.#serial = current.serial;
    this.#askAtMs = nowMs + ASK_AGAIN_MS;
    try {
      const info = await issuer().renewalInfo(current, nowMs);
      if (info === null) return;
      const before = this.#info;
      const isSame = before?.startMs === info.startMs && before.endMs === info.endMs;
      if (!isSame) this.#momentMs = momentIn(info, random());
      this.#info = info;
      this.#askAtMs = info.lookAtMs;
      if (isSame || info.explanation === '') return;
      events.info({ name, explanation: info.explanation }, 'authority explains when to renew');
    } catch (error) {
      const reason = problemOf(error).message;
      events.debug({ name, reason }, 'authority does not say when to renew');
    }
  }
}
