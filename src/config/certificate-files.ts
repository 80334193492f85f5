// Where certificates lie that Sluice gets by itself: the sidecar writes these files, workers read them. A
// certificate, its chain and its key are one file, so that the three are swapped at once.

import { join } from 'node:path';

/** Where a certificate for `name` is kept below `storage`. */
export function certificateFile(storage: string, name: string): string {
  return join(certificateFolder(storage), `${fileName(name)}.pem`);
}

/** Where certificates from authorities are kept below `storage`. */
export function certificateFolder(storage: string): string {
  return join(storage, 'certificates');
}

/** Where a self-signed certificate lies for listeners that have no other yet. */
export function placeholderFile(storage: string): string {
  return join(storage, 'certificates', '%placeholder.pem');
}

/** Where the answer to an http-01 challenge stands; `token` is base64url. */
export function tokenFile(storage: string, token: string): string {
  return join(storage, 'challenges', `${token}.txt`);
}

/** Where the certificate for a tls-alpn-01 challenge stands. */
export function proofFile(storage: string, name: string): string {
  return join(storage, 'challenges', `${fileName(name)}.pem`);
}

/** Returns a name for files: a star is none everywhere, and no DNS name begins with a percent sign. */
export function fileName(name: string): string {
  return name.replace(/^\*/, '%');
}

/** Tells whether a text is a token that an authority may have chosen (RFC 8555 section 8). */
export function isToken(token: string): boolean {
  return /^[A-Za-z0-9_-]{16,256}$/.test(token);
}
