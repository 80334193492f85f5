// The certificates that this Sluice gets from authorities, for all its workers: which names there are, and
// who looks after each. What becomes of one name is in managed-certificate, names that clients bring in
// on-demand.

import { certificateFile, placeholderFile } from '../../config/certificate-files.ts';
import type { Config } from '../../config/schema.ts';
import type { Events } from '../../core/events.ts';
import type { Timers } from '../../std/timers.ts';
import type { RevocationReason } from './acme/revoke.ts';
import { removeOldProofs } from './file-provers.ts';
import { Issuer } from './issuer.ts';
import { putPlaceholder } from './kept-certificate.ts';
import { ManagedCertificate, type ManagedState } from './managed-certificate.ts';
import { CertificateStorage } from './storage.ts';
import { Turns } from './turns.ts';

/** Certificates that are got at a time. */
const AT_A_TIME = 4;
/** Longest wait for the workers. */
const SERVED_MS_MAX = 15_000;
const SERVED_LOOK_MS = 50;

/** What certificates need of a configuration. */
export type AcmeSettings = Pick<Config, 'listeners' | 'certificates'>;

export interface AcmeCertificatesOptions {
  /** All workers serve the active configuration: authorities get answers. */
  readonly isServed: () => boolean;
  readonly events: Events;
  readonly timers: Timers;
  readonly random: () => number;
}

/** What a configuration is run by. */
interface Running {
  readonly settings: AcmeSettings['certificates'];
  readonly storage: CertificateStorage;
  readonly issuer: Issuer;
}

export class AcmeCertificates {
  readonly #options: AcmeCertificatesOptions;
  readonly #turns = new Turns(AT_A_TIME);
  readonly #managed = new Map<string, ManagedCertificate>();
  #running: Running | null = null;
  #issued = 0;
  #failures = 0;

  constructor(options: AcmeCertificatesOptions) {
    this.#options = options;
  }

  /** Certificates got, and times that this failed, since the sidecar started. */
  get counters(): { readonly issued: number; readonly failures: number } {
    return { issued: this.#issued, failures: this.#failures };
  }

  get states(): ManagedState[] {
    return [...this.#managed.values()].map(({ state }) => state);
  }

  /** Puts something where workers look for certificates; throws an Error when that can't be done. */
  prepare({ listeners, certificates }: AcmeSettings): void {
    const { storage } = certificates;
    for (const name of domainsIn(listeners)) putPlaceholder(certificateFile(storage, name), [name]);
    const isOnDemand = listeners.some(({ tls }) => (tls?.automatic?.onDemand ?? null) !== null);
    if (isOnDemand) putPlaceholder(placeholderFile(storage), ['localhost']);
  }

  /** Looks after these names from now on, and no others. */
  follow({ listeners, certificates }: AcmeSettings): void {
    const names = domainsIn(listeners);
    for (const [name, managed] of this.#managed) {
      if (names.has(name) && certificates.storage === this.#running?.storage.root) continue;
      managed.close();
      this.#managed.delete(name);
    }
    if (names.size > 0) this.#run(certificates);
    for (const name of names) {
      if (!this.#managed.has(name)) this.#manage(name);
    }
  }

  /** Renews at once; settles with why that failed, null when it did not, undefined for an unknown name. */
  async renew(name: string): Promise<string | null | undefined> {
    return this.#managed.get(name)?.renew();
  }

  /** Revokes and replaces; false for an unknown name. Rejects with an AcmeProblem. */
  async revoke(name: string, reason: RevocationReason): Promise<boolean> {
    const managed = this.#managed.get(name);
    await managed?.revoke(reason);
    return managed !== undefined;
  }

  close(): void {
    for (const managed of this.#managed.values()) managed.close();
    void this.#running?.issuer.close();
  }

  /** Settings that are new are tried at once by whoever has failed with the old ones. */
  #run(settings: AcmeSettings['certificates']): void {
    const before = this.#running;
    if (before !== null && JSON.stringify(before.settings) === JSON.stringify(settings)) return;
    const storage = new CertificateStorage(settings.storage);
    const issuer = new Issuer(settings.acme, storage, this.#options.events);
    this.#running = { settings, storage, issuer };
    // What it is at may end: a cut request is tried again.
    void before?.issuer.close();
    if (before === null) void removeOldProofs(storage).catch(() => {});
    for (const managed of this.#managed.values()) managed.forgive();
  }

  /** Workers that begin, or open another port, are waited for; but not for ever, DNS needs none. */
  async #takeTurn(): Promise<() => void> {
    const { isServed, timers } = this.#options;
    const latestMs = timers.nowMs() + SERVED_MS_MAX;
    while (!isServed() && timers.nowMs() < latestMs) {
      await new Promise<void>((resolve) => timers.after(SERVED_LOOK_MS, resolve));
    }
    return this.#turns.take();
  }

  #manage(name: string): void {
    const { storage } = this.#running!;
    const managed = new ManagedCertificate({
      name,
      storage,
      issuer: () => this.#running!.issuer,
      retry: () => this.#running!.settings.acme,
      takeTurn: () => this.#takeTurn(),
      isAllowed: () => Promise.resolve(true),
      onIssued: () => {
        this.#issued += 1;
      },
      onFailed: () => {
        this.#failures += 1;
      },
      ...this.#options,
    });
    this.#managed.set(name, managed);
    void managed.look();
  }
}

function domainsIn(listeners: AcmeSettings['listeners']): Set<string> {
  return new Set(listeners.flatMap(({ tls }) => tls?.automatic?.domains ?? []));
}
