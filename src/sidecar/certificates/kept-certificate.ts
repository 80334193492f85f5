// A certificate as it lies in storage: chain and key in one file, and a note beside it about who issued it.

import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { certificateFile } from '../../config/certificate-files.ts';
import { createKey, issueServerCertificate, keyPem } from './issue.ts';
import type { CertificateStorage } from './storage.ts';
import { writeOnce } from './whole-file.ts';

const DAY_MS = 24 * 3_600_000;
/** It is never renewed: who has no other certificate for so long has seen many events. */
const PLACEHOLDER_LIFE_MS = 3650 * DAY_MS;

export interface KeptCertificate {
  /** PEM; begins with the certificate. */
  readonly chain: string;
  /** URL of the authority's directory; null when that is not known. */
  readonly authority: string | null;
  /** It signed itself, until there is a real one. */
  readonly isPlaceholder: boolean;
  /** Unix times in ms. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Serial number in hexadecimal. */
  readonly serial: string;
}

/** Reads what is kept for `name`; null when nothing can be used. */
export async function readKept(
  storage: CertificateStorage,
  name: string,
): Promise<KeptCertificate | null> {
  const file = certificateFile(storage.root, name);
  const text = await storage.read(file);
  if (text === null) return null;
  try {
    const parsed = new X509Certificate(text);
    return {
      chain: text.slice(0, text.lastIndexOf('-----BEGIN PRIVATE KEY')),
      authority: authorityIn(await storage.read(noteFile(file)), parsed),
      isPlaceholder: parsed.issuer === parsed.subject,
      notBeforeMs: Date.parse(parsed.validFrom),
      notAfterMs: Date.parse(parsed.validTo),
      serial: parsed.serialNumber,
    };
  } catch {
    return null;
  }
}

/** Puts a self-signed certificate for `names` where there is none, so that listeners can open. */
export function putPlaceholder(file: string, names: readonly string[]): void {
  if (existsSync(file)) return;
  const key = createKey();
  const nowMs = Date.now();
  const validity = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + PLACEHOLDER_LIFE_MS };
  const cert = issueServerCertificate({ names, key, issuer: null, ...validity });
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Does nothing to a certificate that another instance puts there just now.
  writeOnce(file, `${cert}${keyPem(key)}`);
}

/** Keeps what was obtained; the note first: without its certificate it says nothing. */
export async function writeKept(
  storage: CertificateStorage,
  name: string,
  issued: { readonly chain: string; readonly key: string; readonly authority: string },
): Promise<void> {
  const { chain, key, authority } = issued;
  const file = certificateFile(storage.root, name);
  const { fingerprint256 } = new X509Certificate(chain);
  await storage.write(noteFile(file), `${JSON.stringify({ authority, fingerprint256 })}\n`);
  await storage.write(file, `${chain}${key}`);
}

/** Who issued; null unless the note is about this very certificate. */
function authorityIn(note: string | null, { fingerprint256 }: X509Certificate): string | null {
  try {
    const read = JSON.parse(note ?? 'null') as Record<string, unknown> | null;
    const isMeant = read?.['fingerprint256'] === fingerprint256;
    return isMeant && typeof read['authority'] === 'string' ? read['authority'] : null;
  } catch {
    return null;
  }
}

function noteFile(file: string): string {
  return file.replace(/\.pem$/, '.json');
}
