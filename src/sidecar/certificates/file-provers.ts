// Proves names with files in the storage, which every worker of every instance answers with: a token over
// HTTP, or a certificate in a handshake (RFC 8555 section 8.3, RFC 8737).

import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isToken, proofFile, tokenFile } from '../../config/certificate-files.ts';
import { AcmeProblem } from './acme/problem.ts';
import { type Prover, proofCertificate } from './acme/proof.ts';
import { createKey, keyPem } from './issue.ts';
import type { CertificateStorage } from './storage.ts';

/** Proofs older than this were left by a crash. */
const LEFT_MS = 3_600_000;

/** Creates the prover of http-01. */
export function createHttpProver(storage: CertificateStorage): Prover {
  return {
    type: 'http-01',
    async present({ token, keyAuthorization }) {
      if (!isToken(token)) {
        throw new AcmeProblem({ type: 'invalidAnswer', detail: 'the token is not base64url' });
      }
      await storage.write(tokenFile(storage.root, token), keyAuthorization);
    },
    async cleanup({ token }) {
      if (isToken(token)) await storage.remove(tokenFile(storage.root, token));
    },
  };
}

/** Creates the prover of tls-alpn-01. */
export function createTlsProver(storage: CertificateStorage): Prover {
  return {
    type: 'tls-alpn-01',
    async present(challenge) {
      const key = createKey();
      const text = `${proofCertificate(challenge, key)}${keyPem(key)}`;
      await storage.write(proofFile(storage.root, challenge.name), text);
    },
    async cleanup({ name }) {
      await storage.remove(proofFile(storage.root, name));
    },
  };
}

/** Removes what a crash left behind. */
export async function removeOldProofs(storage: CertificateStorage): Promise<void> {
  const folder = dirname(tokenFile(storage.root, 'any'));
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const file = join(folder, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > LEFT_MS) await storage.remove(file);
  }
}
