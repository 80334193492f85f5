// Answers certificate authorities that ask for the proof of a name (http-01, RFC 8555 section 8.3). The
// answers are files of the sidecar's, or of another instance's that shares the storage.

import { readFile } from 'node:fs';
import { isToken, tokenFile } from '../config/certificate-files.ts';
import type { Config } from '../config/schema.ts';
import type { Exchange } from '../core/exchange.ts';
import { sendReply } from './reply/reply.ts';

const PREFIX = '/.well-known/acme-challenge/';

export class ProofTokens {
  readonly #storage: string;

  constructor(storage: string) {
    this.#storage = storage;
  }

  /** Tells whether an exchange may be the question of an authority. */
  isMeant({ target, method }: Exchange): boolean {
    return target.startsWith(PREFIX) && (method === 'GET' || method === 'HEAD');
  }

  /** Answers, or calls `otherwise` when this instance knows nothing: a peer may get certificates itself. */
  answer(exchange: Exchange, otherwise: () => void): void {
    const token = exchange.target.slice(PREFIX.length);
    if (!isToken(token)) {
      otherwise();
      return;
    }
    readFile(tokenFile(this.#storage, token), (error, body) => {
      if (exchange.finished) return;
      if (error !== null) {
        otherwise();
        return;
      }
      const headers = ['content-type', 'application/octet-stream', 'cache-control', 'no-store'];
      sendReply(exchange, { status: 200, headers, body });
    });
  }
}

/** Creates what answers for `config`; null when no name is proved in this way. */
export function createProofTokens({ listeners, certificates }: Config): ProofTokens | null {
  const isUsed = certificates.acme.proofs.includes('http-01');
  const isAutomatic = listeners.some(({ tls }) => (tls?.automatic ?? null) !== null);
  return isUsed && isAutomatic ? new ProofTokens(certificates.storage) : null;
}
