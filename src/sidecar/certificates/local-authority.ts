// The local authority of `tls: internal`: a root that is made once and kept, and the certificates that it
// issues. Several Sluices may share its folder: whoever comes first makes the root.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import type { AuthorityFiles, InternalCertificate } from '../../config/internal-authority.ts';
import { messageOf } from '../../std/message-of.ts';
import { createKey, issueAuthorityCertificate, issueServerCertificate, keyPem } from './issue.ts';
import { writeOnce, writeWhole } from './whole-file.ts';

const DAY_MS = 24 * 3_600_000;
const ROOT_LIFE_MS = 3650 * DAY_MS;
/** Clocks of clients may be behind. */
const BACKDATED_MS = 3_600_000;
const HOST_LENGTH_MAX = 30;

export class LocalAuthority {
  readonly commonName: string;
  readonly certificate: X509Certificate;
  readonly #key: KeyObject;

  private constructor(pem: string) {
    this.certificate = new X509Certificate(pem);
    this.#key = createPrivateKey(pem);
    this.commonName = this.certificate.subject.replace(/^CN=/, '');
  }

  /** Reads the authority, or makes one; throws an Error when neither can be done (times: Unix ms). */
  static open(files: AuthorityFiles, nowMs: number): LocalAuthority {
    for (const folder of [files.issued, files.asked]) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    }
    // An existing folder keeps its mode with mkdir; this one is for keys.
    chmodSync(dirname(files.authority), 0o700);
    const found = LocalAuthority.read(files.authority);
    const isFresh = found === null || Date.parse(found.certificate.validTo) < nowMs;
    const authority = isFresh ? make(files, nowMs, found === null) : found;
    // For whoever is to trust it; made again when somebody took it away.
    const root = authority.certificate.toString();
    if (readText(files.root) !== root) writeWhole(files.root, root, 0o644);
    return authority;
  }

  /** Reads what `open` left behind; null when there is nothing. Throws an Error when it is no authority. */
  static read(file: string): LocalAuthority | null {
    const pem = readText(file);
    if (pem === null) return null;
    try {
      return new LocalAuthority(pem);
    } catch (error) {
      const reason = messageOf(error);
      throw new Error(`'${file}' holds no authority (${reason}): take it away to have a new one`);
    }
  }

  /** Tells whether a certificate is missing, of another authority, or has a third of its life left. */
  needs({ file, lifeMs }: InternalCertificate, nowMs: number): boolean {
    const pem = readText(file);
    if (pem === null) return true;
    try {
      const parsed = new X509Certificate(pem);
      const leftMs = Date.parse(parsed.validTo) - nowMs;
      const isOurs =
        parsed.checkIssued(this.certificate) && parsed.verify(this.certificate.publicKey);
      // A clock that was put back: the certificate is of tomorrow.
      const isAhead = Date.parse(parsed.validFrom) > nowMs;
      return (
        !isOurs || isAhead || leftMs < lifeMs / 3 || !parsed.checkPrivateKey(createPrivateKey(pem))
      );
    } catch {
      return true;
    }
  }

  /** Issues a certificate with a new key and puts both where they belong. */
  issue({ file, names, lifeMs }: InternalCertificate, nowMs: number): void {
    const key = createKey();
    const certificate = issueServerCertificate({
      names,
      key,
      issuer: { commonName: this.commonName, key: this.#key },
      notBeforeMs: nowMs - BACKDATED_MS,
      notAfterMs: Math.min(nowMs + lifeMs, Date.parse(this.certificate.validTo)),
    });
    writeWhole(file, keyPem(key) + certificate, 0o600);
  }
}

function make({ authority }: AuthorityFiles, nowMs: number, isFirst: boolean): LocalAuthority {
  const key = createKey();
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const certificate = issueAuthorityCertificate({
    commonName: `Sluice local authority ${hostname().slice(0, HOST_LENGTH_MAX)} ${day}`,
    key,
    issuer: null,
    pathLengthMax: 0,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + ROOT_LIFE_MS,
  });
  const pem = keyPem(key) + certificate;
  if (isFirst) writeOnce(authority, pem);
  else writeWhole(authority, pem, 0o600);
  return LocalAuthority.read(authority)!;
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
