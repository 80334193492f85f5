// Certificates as listeners need them: read from files, checked, and with the names that they are for. Where
// they come from, and when they change, is a CertificateSource's.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM texts; that of the certificate has its chain. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its key, known to fit. */
export interface Certificate extends CertificateFiles, KeyPair {
  /** DNS names in lower case, `*.example.com` among them, and addresses. */
  readonly names: readonly string[];
  /** `ec`, `rsa`, … */
  readonly keyType: string;
  /** Unix times in ms. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly fingerprint: string;
}

/** Certificates that may change while they are used: of files, or got from an authority. */
export interface CertificateSource {
  /** Never empty; the first is for clients that name no host, or one that no certificate is for. */
  readonly current: readonly Certificate[];
  /** Calls `changed` after each change of `current`, until the returned function is called. */
  watch(changed: () => void): () => void;
}

/** Reads a certificate; throws an Error that says what is wrong with its files. */
export function readCertificate({ certFile, keyFile }: CertificateFiles): Certificate {
  const cert = readFileSync(certFile, 'latin1');
  const key = readFileSync(keyFile, 'latin1');
  const parsed = new X509Certificate(cert);
  const privateKey = createPrivateKey(key);
  if (!parsed.checkPrivateKey(privateKey)) {
    throw new Error(`the key in '${keyFile}' is not that of the certificate in '${certFile}'`);
  }
  return {
    certFile,
    keyFile,
    cert,
    key,
    names: namesOf(parsed),
    keyType: privateKey.asymmetricKeyType ?? '',
    notBeforeMs: Date.parse(parsed.validFrom),
    notAfterMs: Date.parse(parsed.validTo),
    fingerprint: parsed.fingerprint256,
  };
}

/** Tells whether others than the owner may read a key. */
export function isExposed(keyFile: string): boolean {
  return process.platform !== 'win32' && (statSync(keyFile).mode & 0o077) !== 0;
}

function namesOf(parsed: X509Certificate): string[] {
  const names: string[] = [];
  for (const entry of (parsed.subjectAltName ?? '').split(', ')) {
    const name = /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1];
    if (name !== undefined) names.push(name.toLowerCase());
  }
  return names;
}
