// What must be shown to an authority for it to believe that a name is ours (RFC 8555 section 8, RFC 8737),
// and the interface of those who show it.

import { createHash, type KeyObject } from 'node:crypto';
import * as der from '../../../std/der.ts';
import { issueServerCertificate } from '../issue.ts';

/** Object identifier of acmeIdentifier (RFC 8737 section 3). */
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const PROOF_LIFE_MS = 24 * 3_600_000;

/** A challenge that is to be answered. */
export interface Challenge {
  /** Without a wildcard. */
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Answers challenges of one kind. */
export interface Prover {
  /** `http-01`, `tls-alpn-01`, `dns-01`. */
  readonly type: string;
  /** Settles when the authority may look. */
  present(challenge: Challenge): Promise<void>;
  cleanup(challenge: Challenge): Promise<void>;
}

/** Returns the key authorization of a token (RFC 8555 section 8.1). */
export function keyAuthorizationOf(token: string, thumbprint: string): string {
  return `${token}.${thumbprint}`;
}

/** Returns the value of the TXT record for dns-01. */
export function recordValueOf(keyAuthorization: string): string {
  return createHash('sha256').update(keyAuthorization).digest('base64url');
}

/** Returns the certificate that proves `name` over TLS, PEM. */
export function proofCertificate({ name, keyAuthorization }: Challenge, key: KeyObject): string {
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const nowMs = Date.now();
  return issueServerCertificate({
    names: [name],
    key,
    issuer: null,
    notBeforeMs: nowMs - PROOF_LIFE_MS,
    notAfterMs: nowMs + PROOF_LIFE_MS,
    extensions: [{ id: ACME_IDENTIFIER, isCritical: true, value: der.octetString(digest) }],
  });
}
