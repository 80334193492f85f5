// Which certificate a handshake gets: that for the name asked for, one that is got on demand, or that which
// proves a name to an authority (RFC 8737). As options of a server of node:tls.
//
// With TLS 1.3 Node asks for the protocol first and for the name then, and with TLS 1.2 the other way round.
// What the name brings replaces what was set before, so a handshake with a proof has to be remembered.

import type { SecureContext, TLSSocket, TlsOptions } from 'node:tls';
import type { Certificate, KeyPair } from '../certificate.ts';

/** What authorities that look for a proof speak instead of HTTP. */
export const PROOF_PROTOCOL = 'acme-tls/1';

export interface CertificateChoice {
  readonly http2: boolean;
  /** Returns the certificate that proves a name; null: no authority will ask. */
  readonly proofFor: ((name: string) => KeyPair | null) | null;
  /** Gets a certificate for a name that there is none for; null: there is none then. */
  readonly demand: ((name: string, done: (found: Certificate | null) => void) => void) | null;
  /** Returns the certificates for a name in lower case. */
  readonly contextFor: (name: string) => SecureContext | undefined;
  readonly createContext: (certificate: Certificate) => SecureContext;
}

/** Creates the options that make the choice. */
export function choosing(choice: CertificateChoice): TlsOptions {
  const { http2, proofFor, demand, contextFor } = choice;
  const spoken = http2 ? ['h2', 'http/1.1'] : ['http/1.1'];
  const proving = new WeakSet<TLSSocket>();
  const contextOf = rememberContexts(choice.createContext);
  return {
    SNICallback(this: TLSSocket, written, answer) {
      if (proving.has(this)) return answer(null, undefined);
      const name = written.toLowerCase();
      const context = contextFor(name);
      if (context !== undefined || demand === null) return answer(null, context);
      demand(name, (found) => answer(null, found === null ? undefined : contextOf(found)));
    },
    ...(proofFor === null
      ? { ALPNProtocols: spoken }
      : {
          ALPNCallback(this: TLSSocket, { servername, protocols }) {
            if (!protocols.includes(PROOF_PROTOCOL)) {
              return spoken.find((one) => protocols.includes(one));
            }
            const proof = proofFor(servername.toLowerCase());
            if (proof === null) return undefined;
            this.setKeyCert(proof);
            proving.add(this);
            return PROOF_PROTOCOL;
          },
        }),
  };
}

/** One context for each certificate, as long as somebody has that. */
function rememberContexts(
  create: CertificateChoice['createContext'],
): CertificateChoice['createContext'] {
  const contexts = new WeakMap<Certificate, SecureContext>();
  return (certificate) => {
    const known = contexts.get(certificate);
    if (known !== undefined) return known;
    const context = create(certificate);
    contexts.set(certificate, context);
    return context;
  };
}
