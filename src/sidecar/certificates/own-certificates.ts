// All certificates that nobody puts there: those of the local authority, and those from authorities that
// speak ACME.

import type { Events } from '../../core/events.ts';
import { systemTimers } from '../../std/timers.ts';
import { AcmeCertificates, type AcmeSettings } from './acme-certificates.ts';
import { InternalCertificates } from './internal-certificates.ts';

export interface OwnCertificatesOptions {
  readonly events: Events;
  /** All workers serve the active configuration. */
  readonly isServed: () => boolean;
}

export class OwnCertificates {
  readonly acme: AcmeCertificates;
  readonly #internal: InternalCertificates;

  constructor({ events, isServed }: OwnCertificatesOptions) {
    const timers = systemTimers;
    this.acme = new AcmeCertificates({ events, isServed, timers, random: Math.random });
    this.#internal = new InternalCertificates({ events, timers });
  }

  /** Puts there what workers wait for; throws an Error when that can't be done. */
  prepare(config: AcmeSettings): void {
    this.acme.prepare(config);
    this.#internal.prepare(config);
  }

  /** A client has asked a listener (its address) for a name that there is no certificate for. */
  async demand(listener: string, name: string): Promise<boolean> {
    return this.#internal.demand(listener, name) || this.acme.demand(listener, name);
  }

  /** Looks after the certificates of `config` from now on, and no others. */
  follow(config: AcmeSettings): void {
    this.acme.follow(config);
    this.#internal.follow(config);
  }

  async close(): Promise<void> {
    this.#internal.close();
    await this.acme.close();
  }
}
