// The certificates that this Sluice gets from authorities, for all its workers: which names there are, and
// who looks after each. What becomes of one name is in managed-certificate, which names clients may bring
// is in on-demand.

import { setTimeout as delay } from 'node:timers/promises';
import { certificateFile, placeholderFile } from '../../config/certificate-files.ts';
import { addressOf } from '../../config/entry-points.ts';
import type { Config } from '../../config/schema.ts';
import type { OnDemandConfig } from '../../config/schema-certificates.ts';
import type { Events } from '../../core/events.ts';
import type { Timers } from '../../std/timers.ts';
import type { RevocationReason } from './acme/revoke.ts';
import { removeOldProofs } from './file-provers.ts';
import { Issuer } from './issuer.ts';
import { putPlaceholder, readKept } from './kept-certificate.ts';
import { ManagedCertificate, type ManagedState } from './managed-certificate.ts';
import { OnDemandGate } from './on-demand.ts';
import { CertificateStorage } from './storage.ts';
import { Turns } from './turns.ts';

/** Certificates that are got at a time. */
const AT_A_TIME = 4;
/** Longest wait for the workers. */
const SERVED_MS_MAX = 15_000;
const SERVED_LOOK_MS = 50;
/** Shorter than the primary's patience with a sidecar that is to end. */
const CLOSE_MS = 500;

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

interface Entry {
  readonly managed: ManagedCertificate;
  /** Address of the listener whose clients brought the name; null for one of the configuration. */
  readonly listener: string | null;
}

export class AcmeCertificates {
  readonly #options: AcmeCertificatesOptions;
  readonly #turns = new Turns(AT_A_TIME);
  readonly #entries = new Map<string, Entry>();
  /** By the address of the listener. */
  readonly #gates = new Map<string, OnDemandGate>();
  /** Names that somebody asks about right now. */
  readonly #asked = new Map<string, Promise<boolean>>();
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
    return [...this.#entries.values()].map(({ managed }) => managed.state);
  }

  /** Puts something where workers look for certificates; throws an Error when that can't be done. */
  prepare({ listeners, certificates }: AcmeSettings): void {
    const { storage } = certificates;
    try {
      for (const name of domainsIn(listeners)) {
        putPlaceholder(certificateFile(storage, name), [name]);
      }
      if (gatesIn(listeners).size > 0) putPlaceholder(placeholderFile(storage), ['localhost']);
    } catch (error) {
      throw new Error(`certificates.storage can't be used: ${(error as Error).message}`);
    }
  }

  /** Looks after these names from now on, and those that clients of these listeners bring. */
  follow({ listeners, certificates }: AcmeSettings): void {
    const names = domainsIn(listeners);
    const gates = gatesIn(listeners);
    this.#followGates(gates);
    const isElsewhere = certificates.storage !== this.#running?.storage.root;
    for (const [name, { managed, listener }] of this.#entries) {
      const isWanted = listener === null ? names.has(name) : this.#gates.has(listener);
      if (!isWanted || isElsewhere) this.#drop(name, managed);
    }
    if (names.size > 0 || gates.size > 0) this.#run(certificates);
    for (const name of names) {
      if (!this.#entries.has(name)) void this.#manage(name, null).look();
    }
  }

  /** Renews at once; settles with why that failed, null when it did not, undefined for an unknown name. */
  async renew(name: string): Promise<string | null | undefined> {
    return this.#entries.get(name)?.managed.renew();
  }

  /** Revokes and replaces; false for an unknown name. Rejects with an AcmeProblem. */
  async revoke(name: string, reason: RevocationReason): Promise<boolean> {
    const entry = this.#entries.get(name);
    await entry?.managed.revoke(reason);
    return entry !== undefined;
  }

  /** A client of `listener` asks for a name: settles with whether there is a certificate now. */
  demand(listener: string, name: string): Promise<boolean> {
    const running = this.#asked.get(name);
    if (running !== undefined) return running;
    const asked = this.#demand(listener, name)
      .catch(() => false)
      .finally(() => this.#asked.delete(name));
    this.#asked.set(name, asked);
    return asked;
  }

  /** Settles when proofs and locks are given back, so that nobody has to wait for them; or soon after. */
  async close(): Promise<void> {
    const closing = [...this.#entries.values()].map(({ managed }) => managed.close());
    // Ends what waits for an authority.
    await this.#running?.issuer.close();
    await Promise.race([Promise.all(closing), delay(CLOSE_MS, null, { ref: false })]);
  }

  async #demand(listener: string, name: string): Promise<boolean> {
    const gate = this.#gates.get(listener);
    if (gate === undefined || this.#running === null) return false;
    const known = this.#entries.get(name);
    if (known === undefined) {
      const brought = [...this.#entries.values()].filter((one) => one.listener === listener);
      if (!gate.hasRoom(brought.length)) return this.#refuse(name, 'there are too many');
      const kept = await readKept(this.#running.storage, name);
      // One from before, or of another instance, was allowed once; it is asked again before its renewal.
      if (kept === null || kept.notAfterMs < this.#options.timers.wallMs()) {
        if (!gate.takeQuestion()) return this.#refuse(name, 'there are too many a minute');
      }
    }
    const entry = this.#entries.get(name);
    const managed = entry?.managed ?? this.#manage(name, listener);
    await managed.look();
    return managed.state.current !== null;
  }

  #refuse(name: string, why: string): boolean {
    this.#options.events.debug({ name, why }, 'certificate on demand is refused');
    return false;
  }

  #followGates(wanted: ReadonlyMap<string, OnDemandConfig>): void {
    for (const listener of this.#gates.keys()) {
      if (!wanted.has(listener)) this.#gates.delete(listener);
    }
    for (const [listener, settings] of wanted) {
      const gate = this.#gates.get(listener);
      if (gate !== undefined) gate.configure(settings);
      else this.#gates.set(listener, new OnDemandGate(settings, this.#options.timers));
    }
  }

  /** Settings that are new are tried at once by whoever has failed with the old ones. */
  #run(settings: AcmeSettings['certificates']): void {
    const before = this.#running;
    if (before !== null && JSON.stringify(before.settings) === JSON.stringify(settings)) return;
    const storage = new CertificateStorage(settings.storage);
    const { events } = this.#options;
    const issuer = new Issuer(settings.acme, { storage, events });
    this.#running = { settings, storage, issuer };
    // The one before is left to what it is at.
    if (before === null) void removeOldProofs(storage).catch(() => {});
    for (const { managed } of this.#entries.values()) managed.forgive();
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

  #manage(name: string, listener: string | null): ManagedCertificate {
    const { storage } = this.#running!;
    const managed = new ManagedCertificate({
      name,
      storage,
      issuer: () => this.#running!.issuer,
      retry: () => this.#running!.settings.acme,
      takeTurn: () => this.#takeTurn(),
      isAllowed: () => this.#mayIssue(name, listener),
      onIssued: () => {
        this.#issued += 1;
      },
      onFailed: () => {
        this.#failures += 1;
      },
      ...this.#options,
    });
    this.#entries.set(name, { managed, listener });
    return managed;
  }

  /** A name on demand that is not allowed any more is not looked after any more. */
  async #mayIssue(name: string, listener: string | null): Promise<boolean> {
    if (listener === null) return true;
    if ((await this.#gates.get(listener)?.isAllowed(name)) === true) return true;
    const entry = this.#entries.get(name);
    if (entry !== undefined) this.#drop(name, entry.managed);
    return this.#refuse(name, 'it is not allowed');
  }

  #drop(name: string, managed: ManagedCertificate): void {
    void managed.close();
    this.#entries.delete(name);
  }
}

function domainsIn(listeners: AcmeSettings['listeners']): Set<string> {
  return new Set(listeners.flatMap(({ tls }) => tls?.automatic?.domains ?? []));
}

/** By the address of the listener. */
function gatesIn(listeners: AcmeSettings['listeners']): Map<string, OnDemandConfig> {
  return new Map(
    listeners.flatMap((listener) => {
      const onDemand = listener.tls?.automatic?.onDemand ?? null;
      return onDemand === null ? [] : [[addressOf(listener), onDemand] as const];
    }),
  );
}
