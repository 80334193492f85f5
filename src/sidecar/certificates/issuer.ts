// Gets certificates: asks the authorities in their order, each with every proof that can work for the name,
// until one issues. When to ask is not decided here (managed-certificate).

import type { AcmeConfig } from '../../config/schema-certificates.ts';
import type { Events } from '../../core/events.ts';
import { type Account, forgetAccount, openAccount } from './acme/account.ts';
import { type Obtained, obtainCertificate } from './acme/order.ts';
import { AcmeProblem, problemOf } from './acme/problem.ts';
import type { Prover } from './acme/proof.ts';
import { askRenewalInfo, type RenewalInfo, renewalIdOf } from './acme/renewal-info.ts';
import { type RevocationReason, revokeCertificate } from './acme/revoke.ts';
import { AcmeSession } from './acme/session.ts';
import { createWire, type Wire } from './acme/wire.ts';
import { createDnsProver } from './dns-hook.ts';
import { createHttpProver, createTlsProver } from './file-provers.ts';
import type { KeptCertificate } from './kept-certificate.ts';
import type { CertificateStorage } from './storage.ts';

/** Problems that another proof may not have (RFC 8555 section 6.7, and own ones). */
const OF_THE_PROOF = new Set([
  'connection',
  'dns',
  'incorrectResponse',
  'tls',
  'unauthorized',
  'compound',
  'refused',
  'proofNotOffered',
  'hookFailed',
]);

/** Longest pause that an authority can ask for. */
const ASKED_MS_MAX = 7 * 24 * 3_600_000;

export interface Issued extends Obtained {
  /** URL of the directory. */
  readonly authority: string;
}

export interface IssueOptions {
  readonly name: string;
  /** What is kept for the name now. */
  readonly current: KeptCertificate | null;
  readonly signal: AbortSignal;
}

export interface IssuerOptions {
  readonly storage: CertificateStorage;
  readonly events: Events;
  /** Reaches an authority; by https if left out. */
  readonly connect?: (authority: AcmeConfig['authorities'][number]) => Wire;
}

interface Authority {
  readonly session: AcmeSession;
  readonly settings: AcmeConfig['authorities'][number];
}

export class Issuer {
  readonly #acme: AcmeConfig;
  readonly #storage: CertificateStorage;
  readonly #events: Events;
  readonly #authorities: readonly Authority[];
  readonly #provers: readonly Prover[];

  constructor(acme: AcmeConfig, { storage, events, connect = createWire }: IssuerOptions) {
    this.#acme = acme;
    this.#storage = storage;
    this.#events = events;
    this.#authorities = acme.authorities.map((settings) => {
      return { session: new AcmeSession(settings.directory, connect(settings)), settings };
    });
    this.#provers = acme.proofs.flatMap((type) => this.#proverOf(type));
  }

  /** Rejects with the AcmeProblem of the last authority when none issues. */
  async issue(options: IssueOptions): Promise<Issued> {
    const problems: AcmeProblem[] = [];
    for (const authority of this.#authorities) {
      const outcome = await this.#ask(authority, options);
      if (!(outcome instanceof AcmeProblem)) return outcome;
      problems.push(outcome);
    }
    const { type, detail, status } = problems.at(-1)!;
    throw new AcmeProblem({ type, detail, status, retryAfterMs: soonest(problems) });
  }

  /** Returns when the authority of a certificate wants it renewed; null when nobody says. */
  async renewalInfo(
    { authority, chain }: KeptCertificate,
    nowMs: number,
  ): Promise<RenewalInfo | null> {
    const found = this.#find(authority);
    return found === null ? null : askRenewalInfo(found.session, chain, nowMs);
  }

  /** Takes a certificate back. Rejects with an AcmeProblem. */
  async revoke({ authority, chain }: KeptCertificate, reason: RevocationReason): Promise<void> {
    const found = this.#find(authority);
    if (found === null) {
      throw new AcmeProblem({
        type: 'failed',
        detail: 'no authority of the configuration issued it',
      });
    }
    const { session } = found;
    await revokeCertificate({ session, account: await this.#account(found) }, chain, reason);
  }

  async close(): Promise<void> {
    await Promise.all(this.#authorities.map(({ session }) => session.close()));
  }

  /** One authority, every proof; a problem that is not one of the proof ends it. */
  async #ask(authority: Authority, options: IssueOptions): Promise<Issued | AcmeProblem> {
    const { name, signal } = options;
    const { directory } = authority.settings;
    let problem = new AcmeProblem({ type: 'failed', detail: 'there is no proof for this name' });
    for (const prover of this.#provers) {
      if (name.startsWith('*.') && prover.type !== 'dns-01') continue;
      try {
        return { ...(await this.#obtain(authority, prover, options)), authority: directory };
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        problem = problemOf(error);
        const { type: proof } = prover;
        const fields = { name, authority: directory, proof, reason: problem.message };
        this.#events.warn(fields, 'certificate is refused');
        if (!OF_THE_PROOF.has(problem.type)) return problem;
      }
    }
    return problem;
  }

  async #obtain(
    authority: Authority,
    prover: Prover,
    { name, current, signal }: IssueOptions,
  ): Promise<Obtained> {
    const { session, settings } = authority;
    const isSuccessor = current?.authority === settings.directory && !current.isPlaceholder;
    const replaces = isSuccessor ? renewalIdOf(current.chain) : null;
    const order = { session, name, prover, replaces, signal };
    try {
      return await obtainCertificate({ ...order, account: await this.#account(authority) });
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.type !== 'accountDoesNotExist') throw error;
      await forgetAccount(session, this.#storage);
      return obtainCertificate({ ...order, account: await this.#account(authority) });
    }
  }

  #account({ session, settings }: Authority): Promise<Account> {
    const { email } = this.#acme;
    return openAccount(session, { email, ...settings }, this.#storage);
  }

  #find(directory: string | null): Authority | null {
    return this.#authorities.find(({ settings }) => settings.directory === directory) ?? null;
  }

  #proverOf(type: AcmeConfig['proofs'][number]): Prover[] {
    if (type === 'http-01') return [createHttpProver(this.#storage)];
    if (type === 'tls-alpn-01') return [createTlsProver(this.#storage)];
    return this.#acme.dnsHook === null ? [] : [createDnsProver(this.#acme.dnsHook)];
  }
}

/** Null when one of the authorities did not ask for a pause. */
function soonest(problems: readonly AcmeProblem[]): number | null {
  const pauses = problems.map(({ retryAfterMs }) => retryAfterMs ?? 0);
  const least = Math.min(...pauses, ASKED_MS_MAX);
  return least === 0 ? null : least;
}
