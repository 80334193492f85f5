// One certificate that is kept good: looked at now and then, renewed when it is time, tried again when that
// fails.
//
//              due                    a turn, the lock         issued
//   resting ───────────► waiting ─────────────────► issuing ───────────► resting
//      ▲                                               │ refused
//      └────────── back-off, at most retryMaxMs ───────┘
//
// Due is a certificate with a third of its life left, or at a moment of the window that its authority
// suggests (ARI). Another instance may have renewed it meanwhile: the file says.

import { fileName } from '../../config/certificate-files.ts';
import type { AcmeConfig } from '../../config/schema-certificates.ts';
import type { Events } from '../../core/events.ts';
import type { Cancel, Timers } from '../../std/timers.ts';
import { AcmeProblem, problemOf } from './acme/problem.ts';
import type { RevocationReason } from './acme/revoke.ts';
import { backOffMs } from './back-off.ts';
import type { Issuer } from './issuer.ts';
import { type KeptCertificate, readKept, writeKept } from './kept-certificate.ts';
import { RenewalAdvice } from './renewal-advice.ts';
import type { CertificateStorage } from './storage.ts';

/** Longest time between two looks: another instance may have changed the file, or the clock was set. */
const LOOK_MS_MAX = 600_000;
const ISSUE_MS_MAX = 900_000;
/** Share of its life that a certificate has left when it is renewed; and at the very least, whatever ARI says. */
const RENEWAL_SHARE = 1 / 3;
const LAST_SHARE = 1 / 20;

export interface ManagedOptions {
  readonly name: string;
  readonly storage: CertificateStorage;
  readonly issuer: () => Issuer;
  readonly retry: () => Pick<AcmeConfig, 'retryMs' | 'retryMaxMs'>;
  /** Waits for a turn, so that not all are issued at once; the returned function gives it back. */
  readonly takeTurn: () => Promise<() => void>;
  /** Asked before each order; a name on demand may not be wanted any more. */
  readonly isAllowed: () => Promise<boolean>;
  readonly onIssued: () => void;
  readonly onFailed: () => void;
  readonly events: Events;
  readonly timers: Timers;
  readonly random: () => number;
}

/** What an operator is shown; Unix times in ms. */
export interface ManagedState {
  readonly name: string;
  readonly state: 'valid' | 'pending' | 'issuing' | 'failing';
  readonly current: KeptCertificate | null;
  readonly renewAtMs: number | null;
  readonly failures: number;
  readonly problem: string | null;
  readonly retryAtMs: number | null;
}

export class ManagedCertificate {
  readonly #options: ManagedOptions;
  readonly #closing = new AbortController();
  #current: KeptCertificate | null = null;
  #running: Promise<void> | null = null;
  #isIssuing = false;
  #cancel: Cancel = () => {};
  #failures = 0;
  #problem: AcmeProblem | null = null;
  #retryAtMs = 0;
  #isForced = false;
  readonly #advice: RenewalAdvice;

  constructor(options: ManagedOptions) {
    this.#options = options;
    this.#advice = new RenewalAdvice(options);
  }

  get state(): ManagedState {
    const current = this.#current;
    const isReal = current !== null && !current.isPlaceholder;
    const isFailing = this.#problem !== null;
    return {
      name: this.#options.name,
      state: this.#isIssuing ? 'issuing' : isFailing ? 'failing' : isReal ? 'valid' : 'pending',
      current: isReal ? current : null,
      renewAtMs: isReal ? this.#dueAtMs(current) : null,
      failures: this.#failures,
      problem: this.#problem?.message ?? null,
      retryAtMs: isFailing ? this.#retryAtMs : null,
    };
  }

  /** Looks at what is there, and gets a certificate if need be; settles when that has ended in any way. */
  look(): Promise<void> {
    this.#running ??= this.#look().finally(() => {
      this.#running = null;
      this.#schedule();
    });
    return this.#running;
  }

  /** Renews it whatever its age; settles with why that failed, or null. */
  async renew(): Promise<string | null> {
    await this.#running;
    this.#isForced = true;
    this.#retryAtMs = 0;
    await this.look();
    return this.#problem?.message ?? null;
  }

  /** Takes it back, and has it replaced at once. Rejects with an AcmeProblem. */
  async revoke(reason: RevocationReason): Promise<void> {
    const { storage, name, issuer, events } = this.#options;
    const current = await readKept(storage, name);
    if (current === null || current.isPlaceholder) {
      throw new AcmeProblem({ type: 'failed', detail: 'there is no certificate' });
    }
    await issuer().revoke(current, reason);
    events.warn({ name, serial: current.serial, reason }, 'certificate is revoked');
    this.#isForced = true;
    this.#retryAtMs = 0;
    void this.look();
  }

  /** The way to get certificates has changed: what failed may work now. */
  forgive(): void {
    if (this.#closing.signal.aborted || this.#problem === null) return;
    this.#retryAtMs = 0;
    void this.look();
  }

  /** Settles when proofs and lock are given back. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    this.#cancel();
    await this.#running;
  }

  async #look(): Promise<void> {
    const { storage, name, events, timers } = this.#options;
    try {
      this.#current = await readKept(storage, name);
      await this.#advice.ask(this.#current);
      const isDue = this.#isForced || this.#dueAtMs(this.#current) <= timers.wallMs();
      if (!isDue && this.#problem !== null) this.#settled();
      if (isDue && timers.wallMs() >= this.#retryAtMs) await this.#issue();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#failed(problemOf(error));
      events.error({ name, reason: problemOf(error).message }, 'certificates can not be kept');
    }
  }

  async #issue(): Promise<void> {
    const { takeTurn, storage, name, onIssued } = this.#options;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ISSUE_MS_MAX)]);
    const endTurn = await takeTurn();
    try {
      const lock = await storage.lock(fileName(name), signal);
      try {
        if (await this.#isDoneByAnother()) return this.#settled();
        this.#isIssuing = true;
        if (!(await this.#options.isAllowed())) {
          throw new AcmeProblem({ type: 'notAllowed', detail: 'the ask URL does not allow it' });
        }
        const current = this.#current;
        const issued = await this.#options.issuer().issue({ name, current, signal });
        await writeKept(storage, name, issued);
        this.#current = await readKept(storage, name);
        this.#told(issued.authority);
        this.#settled();
        // Whatever the dates and the authority say: not all the time.
        this.#retryAtMs = this.#options.timers.wallMs() + this.#options.retry().retryMs;
        onIssued();
      } finally {
        await lock.release();
      }
    } catch (error) {
      if (this.#closing.signal.aborted) throw error;
      this.#failed(problemOf(error));
    } finally {
      this.#isIssuing = false;
      endTurn();
    }
  }

  /** While this one waited for the lock, another instance may have renewed it. */
  async #isDoneByAnother(): Promise<boolean> {
    const { storage, name, timers } = this.#options;
    const before = this.#current?.serial;
    const next = await readKept(storage, name);
    this.#current = next;
    const isOther = next !== null && !next.isPlaceholder && next.serial !== before;
    return isOther && this.#dueAtMs(next) > timers.wallMs();
  }

  /** Unix time in ms; 0 for at once. */
  #dueAtMs(current: KeptCertificate | null): number {
    if (current === null || current.isPlaceholder) return 0;
    const { notBeforeMs, notAfterMs } = current;
    const lifeMs = notAfterMs - notBeforeMs;
    const atMs = this.#advice.momentFor(current) ?? notAfterMs - lifeMs * RENEWAL_SHARE;
    return Math.min(atMs, notAfterMs - lifeMs * LAST_SHARE);
  }

  #settled(): void {
    this.#isForced = false;
    this.#failures = 0;
    this.#problem = null;
    this.#retryAtMs = 0;
  }

  #told(authority: string): void {
    const { name, events } = this.#options;
    const expires = new Date(this.#current?.notAfterMs ?? 0).toISOString();
    const { serial } = this.#current ?? {};
    events.info({ name, authority, serial, expires }, 'certificate is issued');
  }

  #failed(problem: AcmeProblem): void {
    const { name, retry, random, timers, events, onFailed } = this.#options;
    const { retryMs, retryMaxMs } = retry();
    this.#failures += 1;
    this.#problem = problem;
    const pauseMs = backOffMs({
      firstMs: retryMs,
      longestMs: retryMaxMs,
      failures: this.#failures,
      askedMs: problem.retryAfterMs,
      random: random(),
    });
    this.#retryAtMs = timers.wallMs() + pauseMs;
    onFailed();
    const isReal = this.#current !== null && !this.#current.isPlaceholder;
    const expires = isReal ? new Date(this.#current!.notAfterMs).toISOString() : null;
    const fields = { name, reason: problem.message, failures: this.#failures, expires };
    const retryInMs = Math.round(pauseMs);
    events.error({ ...fields, retryInMs }, 'certificate could not be got');
  }

  #schedule(): void {
    if (this.#closing.signal.aborted) return;
    const { timers } = this.#options;
    const dueAtMs = Math.max(this.#isForced ? 0 : this.#dueAtMs(this.#current), this.#retryAtMs);
    const lookAtMs = Math.min(dueAtMs, this.#advice.askAtMs);
    const waitMs = Math.min(Math.max(lookAtMs - timers.wallMs(), 0), LOOK_MS_MAX);
    this.#cancel();
    this.#cancel = timers.after(waitMs, () => void this.look());
  }
}
