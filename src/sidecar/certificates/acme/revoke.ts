// Takes a certificate back (RFC 8555 section 7.6), by the account that ordered it.

import { X509Certificate } from 'node:crypto';
import type { Account } from './account.ts';
import type { AcmeSession } from './session.ts';

/** Reasons of RFC 5280 section 5.3.1 that a holder may give. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;

export type RevocationReason = keyof typeof revocationReasons;

/** Revokes the first certificate of `chain` (PEM). Rejects with an AcmeProblem. */
export async function revokeCertificate(
  { session, account }: { readonly session: AcmeSession; readonly account: Account },
  chain: string,
  reason: RevocationReason,
): Promise<void> {
  const { revokeCert } = await session.directory();
  const certificate = new X509Certificate(chain).raw.toString('base64url');
  await session.post(revokeCert, { certificate, reason: revocationReasons[reason] }, account);
}
