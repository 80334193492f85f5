// TLS in front of a listener of Node's: certificates by name, profiles, resumption and clients'
// certificates. Sockets come from the listener and go back to it when the handshake is done.

import { constants, type X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import type { Certificate } from '../certificate.ts';
import { type CertificateChoice, choosing, PROOF_PROTOCOL } from './certificate-choice.ts';
import { TICKET_PERIOD_MS, ticketKeysAt } from './ticket-keys.ts';

/** What an operator can set; complete and checked. */
export interface TlsSettings {
  readonly profile: 'intermediate' | 'modern';
  readonly clientAuth: {
    readonly mode: 'off' | 'request' | 'require';
    /** PEM texts. */
    readonly ca: string | null;
    readonly crl: string | null;
  };
}

export interface TlsFrontOptions {
  readonly settings: TlsSettings;
  readonly certificates: readonly Certificate[];
  readonly http2: boolean;
  readonly proofFor: CertificateChoice['proofFor'];
  readonly demand: CertificateChoice['demand'];
  /** The same in all workers: what tickets are sealed with is made of it. */
  readonly secret: string;
  readonly handshakeMs: number;
  readonly onSecure: (socket: TLSSocket) => void;
}

/** Mozilla's recommendation, version 5.7; without the slow DHE suites. */
const CIPHERS = {
  intermediate: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  modern: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
};
const CURVES = 'X25519:prime256v1:secp384r1';
const OPENSSL_OPTIONS =
  // A client pays far less for one than the server does, and nothing here needs it.
  constants.SSL_OP_NO_RENEGOTIATION |
  // Our order, but for clients that have no AES in hardware, which say so by theirs.
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE |
  constants.SSL_OP_PRIORITIZE_CHACHA;
/** Sessions of one Sluice are good in all its workers; OpenSSL wants a name for where they are. */
const SESSION_CONTEXT = 'sluice';

/** Certificates for the same names, and what OpenSSL made of them. */
interface Group {
  readonly certificates: readonly Certificate[];
  readonly context: SecureContext;
}

export class TlsFront {
  readonly #options: TlsFrontOptions;
  readonly #server: Server;
  /** Unix time in ms at which the ticket keys are replaced. */
  #rotatesAtMs = nextPeriodMs();
  /** By name, wildcards among them; the first certificate is in the server itself. */
  #contexts = new Map<string, SecureContext>();
  /** What stands in them, by the first certificate of each. */
  #groups = new Map<Certificate, Group>();

  /** Throws an Error when the certificates or authorities are no good. */
  constructor(options: TlsFrontOptions) {
    this.#options = options;
    this.#contexts = this.#contextsOf(options.certificates);
    const { settings } = options;
    this.#server = createServer({
      ...this.#shared(),
      ...keysOf(groupOf(options.certificates, options.certificates[0]!)),
      ...choosing({
        ...options,
        contextFor: (name) => this.#contextFor(name),
        createContext: (one) => createSecureContext({ ...this.#shared(), ...keysOf([one]) }),
      }),
      requestCert: settings.clientAuth.mode !== 'off',
      // With `request`, who shows a bad one is sent away by the listener, and who shows none is not.
      rejectUnauthorized: settings.clientAuth.mode === 'require',
      handshakeTimeout: options.handshakeMs,
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (_, socket) => socket.destroy());
  }

  /** Begins the handshake on a connection that is open already. */
  take(socket: Socket): void {
    if (Date.now() >= this.#rotatesAtMs) this.#rotate();
    this.#server.emit('connection', socket);
  }

  /** New handshakes get these; connections and their sessions go on. */
  update(certificates: readonly Certificate[]): void {
    const contexts = this.#contextsOf(certificates);
    this.#server.setSecureContext({
      ...this.#shared(),
      ...keysOf(groupOf(certificates, certificates[0]!)),
    });
    this.#contexts = contexts;
  }

  #secured(socket: TLSSocket): void {
    const { mode } = this.#options.settings.clientAuth;
    const isBad = mode === 'request' && !socket.authorized && hasCertificate(socket);
    if (isBad || socket.alpnProtocol === PROOF_PROTOCOL) socket.destroySoon();
    else this.#options.onSecure(socket);
  }

  #contextFor(asked: string): SecureContext | undefined {
    const exact = this.#contexts.get(asked);
    if (exact !== undefined) return exact;
    const dot = asked.indexOf('.');
    return dot === -1 ? undefined : this.#contexts.get(`*${asked.slice(dot)}`);
  }

  #contextsOf(certificates: readonly Certificate[]): Map<string, SecureContext> {
    const contexts = new Map<string, SecureContext>();
    const groups = new Map<Certificate, Group>();
    for (const certificate of certificates) {
      if (certificate.names.every((name) => contexts.has(name))) continue;
      const group = this.#groupFor(groupOf(certificates, certificate));
      const { context } = group;
      groups.set(certificate, group);
      for (const name of certificate.names) {
        if (!contexts.has(name)) contexts.set(name, context);
      }
    }
    this.#groups = groups;
    return contexts;
  }

  /** A context takes half a millisecond, in which nobody is served: of many, one certificate changes. */
  #groupFor(certificates: readonly Certificate[]): Group {
    const before = this.#groups.get(certificates[0]!);
    const isSame =
      before?.certificates.length === certificates.length &&
      certificates.every((one, at) => one === before.certificates[at]);
    if (isSame) return before;
    const context = createSecureContext({ ...this.#shared(), ...keysOf(certificates) });
    return { certificates, context };
  }

  #shared(): TlsOptions {
    const { settings, secret } = this.#options;
    const { ca, crl } = settings.clientAuth;
    return {
      minVersion: settings.profile === 'modern' ? 'TLSv1.3' : 'TLSv1.2',
      ciphers: CIPHERS[settings.profile],
      ecdhCurve: CURVES,
      secureOptions: OPENSSL_OPTIONS,
      sessionIdContext: SESSION_CONTEXT,
      sessionTimeout: TICKET_PERIOD_MS / 1000,
      ticketKeys: ticketKeysAt(secret, Date.now()),
      ...(ca === null ? {} : { ca }),
      ...(crl === null ? {} : { crl }),
    };
  }

  /** All workers change over at the same moment of the clock. */
  #rotate(): void {
    this.#rotatesAtMs = nextPeriodMs();
    this.#server.setTicketKeys(ticketKeysAt(this.#options.secret, Date.now()));
  }
}

function nextPeriodMs(): number {
  return Date.now() + TICKET_PERIOD_MS - (Date.now() % TICKET_PERIOD_MS);
}

/** Certificates for the same names with other kinds of keys: OpenSSL takes the one that the client can use. */
function groupOf(certificates: readonly Certificate[], one: Certificate): Certificate[] {
  const group = [one];
  for (const other of certificates) {
    if (group.some(({ keyType }) => keyType === other.keyType)) continue;
    if (one.names.every((name) => other.names.includes(name))) group.push(other);
  }
  return group;
}

function keysOf(group: readonly Certificate[]): {
  readonly key: string[];
  readonly cert: string[];
} {
  return { key: group.map(({ key }) => key), cert: group.map(({ cert }) => cert) };
}

function hasCertificate(socket: TLSSocket): boolean {
  return socket.getPeerX509Certificate() !== undefined;
}

/**
 * Returns who a client is by its verified certificate, in the form that Envoy made common:
 * `Hash=…;Subject="…";URI=…;DNS=…`. Null without one.
 */
export function clientCertificateOf(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : describeCertificate(certificate);
}

function describeCertificate({ fingerprint256, subject, subjectAltName }: X509Certificate): string {
  const hash = fingerprint256.replaceAll(':', '').toLowerCase();
  // From the most specific part on (RFC 4514).
  const name = subject.split('\n').reverse().join(',');
  let text = `Hash=${hash};Subject="${quotable(name)}"`;
  for (const entry of (subjectAltName ?? '').split(', ')) {
    const alternative = /^(URI|DNS):([\x21-\x7e]+)$/.exec(entry);
    if (alternative === null || /[,;="]/.test(alternative[2]!)) continue;
    text += `;${alternative[1]}=${alternative[2]}`;
  }
  return text;
}

/** Octets of UTF-8, without what could end the quotes or the line. */
function quotable(value: string): string {
  const octets = Buffer.from(value, 'utf8').toString('latin1');
  return octets.replace(/[\x00-\x1f\x7f]/g, ' ').replace(/["\\]/g, '\\$&');
}
