// The certificates that prove names in a handshake (tls-alpn-01, RFC 8737): files of the sidecar's, or of
// another instance's that shares the storage.

import { readFileSync } from 'node:fs';
import { isDnsName } from '../config/addresses.ts';
import { proofFile } from '../config/certificate-files.ts';
import type { KeyPair } from './listener/certificate.ts';

/** Creates what finds the proof of a name in `storage`; null without one. */
export function createProofReader(
  storage: string | null,
): ((name: string) => KeyPair | null) | null {
  if (storage === null) return null;
  return (name) => {
    // The name is a client's, and about to be part of a path.
    if (!isDnsName(name)) return null;
    try {
      // OpenSSL wants the answer at once. It costs less than the handshake that asks for it.
      const text = readFileSync(proofFile(storage, name), 'latin1');
      return { cert: text, key: text };
    } catch {
      return null;
    }
  };
}
