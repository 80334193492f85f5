// Certificates of one listener for names that nobody listed: taken from the folder where the sidecar puts
// them when a client asks for such a name, and the operator's own program allows it or the local authority
// issues them. Handshakes wait meanwhile.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDnsName } from '../config/addresses.ts';
import { addressOf, type EntryPoint } from '../config/entry-points.ts';
import type { CertificateDemands } from './certificate-demands.ts';
import { type Certificate, readCertificate } from './listener/certificate.ts';

/** Names that are known, those without a certificate among them; of more, the longest unused are forgotten. */
const NAMES_MAX = 10_000;
/** Handshakes that may wait for one name, and names that are waited for; the others fail at once. */
const WAITING_MAX = 256;
const WANTED_MAX = 256;
/** How long what is known is believed. */
const FOUND_MS = 30_000;
const REFUSED_MS = 10_000;

type Done = (found: Certificate | null) => void;

export interface DemandedOptions {
  /** Of files by name. */
  readonly folder: string;
  /** Asks the sidecar; resolves with whether the certificate is in the folder now. Never rejects. */
  readonly ask: (name: string) => Promise<boolean>;
  readonly nowMs?: () => number;
}

interface Known {
  readonly certificate: Certificate | null;
  readonly stamp: string;
  readonly untilMs: number;
}

interface Found {
  readonly certificate: Certificate;
  readonly stamp: string;
}

export class DemandedCertificates {
  readonly #options: DemandedOptions;
  readonly #nowMs: () => number;
  /** In the order of use. */
  readonly #known = new Map<string, Known>();
  readonly #waiting = new Map<string, Done[]>();

  constructor(options: DemandedOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Calls `done` with the certificate for `name`, at once when it is known, or with null. */
  find(name: string, done: Done): void {
    if (!isDnsName(name)) {
      done(null);
      return;
    }
    const known = this.#known.get(name);
    if (known !== undefined && this.#nowMs() < known.untilMs) {
      this.#remember(name, known);
      done(known.certificate);
      return;
    }
    // A renewed one is found meanwhile.
    if (known !== undefined && known.certificate !== null) {
      done(known.certificate);
      this.#wait(name, () => {});
    } else {
      this.#wait(name, done);
    }
  }

  #wait(name: string, done: Done): void {
    const waiting = this.#waiting.get(name);
    if (waiting !== undefined) {
      if (waiting.length < WAITING_MAX) waiting.push(done);
      else done(null);
      return;
    }
    if (this.#waiting.size >= WANTED_MAX) {
      done(null);
      return;
    }
    this.#waiting.set(name, [done]);
    void this.#look(name).then((certificate) => {
      const all = this.#waiting.get(name) ?? [];
      this.#waiting.delete(name);
      for (const one of all) one(certificate);
    });
  }

  async #look(name: string): Promise<Certificate | null> {
    const file = join(this.#options.folder, `${name}.pem`);
    let found = await this.#read(name, file);
    // With one that is good nobody waits: the sidecar is told, so that it renews it.
    if (isGood(found)) void this.#options.ask(name);
    else if (await this.#options.ask(name)) found = await this.#read(name, file);
    const certificate = isGood(found) ? found!.certificate : null;
    const untilMs = this.#nowMs() + (certificate === null ? REFUSED_MS : FOUND_MS);
    this.#remember(name, { certificate, stamp: found?.stamp ?? '', untilMs });
    return certificate;
  }

  /** Null when it is not there, or can't be used. */
  async #read(name: string, file: string): Promise<Found | null> {
    try {
      const { ino, mtimeMs } = await stat(file);
      const stamp = `${ino} ${mtimeMs}`;
      const known = this.#known.get(name);
      if (known?.certificate && known.stamp === stamp) {
        return { certificate: known.certificate, stamp };
      }
      return { certificate: readCertificate({ certFile: file, keyFile: file }), stamp };
    } catch {
      return null;
    }
  }

  #remember(name: string, known: Known): void {
    this.#known.delete(name);
    this.#known.set(name, known);
    if (this.#known.size <= NAMES_MAX) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }
}

function isGood(found: Found | null): boolean {
  return found !== null && found.certificate.notAfterMs > Date.now();
}

/** Creates the source of certificates that clients of an address ask for first; null without such. */
export function createDemanded(
  { host, port, tls }: EntryPoint,
  demands: Pick<CertificateDemands, 'ask'>,
): DemandedCertificates | null {
  const folder = tls?.demandedFolder ?? null;
  if (folder === null) return null;
  const address = addressOf({ host, port });
  return new DemandedCertificates({ folder, ask: (name) => demands.ask(address, name) });
}
