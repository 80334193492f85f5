// Opens sockets to a peer, plain or TLS.

import { isIP, connect as netConnect, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, connect as tlsConnect } from 'node:tls';
import type { PeerAddress } from '../../../core/peer-address.ts';
import { connectIntroduced, type Introduction } from '../../../std/introduced-socket.ts';
import type { Http1Options } from './options.ts';

/** Makes the sockets of one pool. */
export class Dialler {
  readonly address: PeerAddress;
  readonly isTls: boolean;
  readonly #buffer: Buffer;
  readonly #secureContext: SecureContext | null;
  readonly #serverName: string | undefined;
  readonly #verify: boolean;
  /** Newest TLS session of the peer: the next handshake is shorter. */
  #session: Buffer | undefined;

  /** `buffer` receives what the peers send, for all sockets of the worker; see Http1Pools. */
  constructor(address: PeerAddress, tls: Http1Options['tls'], buffer: Buffer) {
    this.address = address;
    this.isTls = address.scheme === 'https';
    this.#buffer = buffer;
    this.#secureContext = this.isTls
      ? createSecureContext({
          ...(tls.ca === null ? {} : { ca: tls.ca }),
          ...(tls.cert && tls.key ? { cert: tls.cert, key: tls.key } : {}),
        })
      : null;
    this.#serverName =
      tls.serverName ?? (isIP(address.hostname) === 0 ? address.hostname : undefined);
    this.#verify = tls.verify;
  }

  /**
   * Begins to connect; `receive` gets the number of bytes that stand in the shared buffer. `introduce` comes
   * before everything else.
   */
  open(receive: (length: number) => boolean, introduce: Introduction | null): Socket {
    const { hostname: host, port } = this.address;
    const onread = { buffer: this.#buffer, callback: receive };
    const plain = { host, port, noDelay: true };
    if (!this.isTls) {
      const options = { ...plain, onread };
      return introduce === null ? netConnect(options) : connectIntroduced(options, introduce);
    }
    const options = {
      host,
      port,
      onread,
      ...(introduce === null ? {} : { socket: connectIntroduced(plain, introduce) }),
      secureContext: this.#secureContext!,
      rejectUnauthorized: this.#verify,
      ALPNProtocols: ['http/1.1'],
      ...(this.#serverName === undefined ? {} : { servername: this.#serverName }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
    const socket = tlsConnect(options);
    socket.setNoDelay(true);
    // Node leaves `onread` out where TLS is put on a socket that is there.
    if (introduce !== null) socket.on('data', (chunk) => this.#copyTo(receive, chunk));
    socket.on('session', (session: Buffer) => {
      this.#session = session;
    });
    return socket;
  }

  #copyTo(receive: (length: number) => boolean, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += this.#buffer.length) {
      receive(chunk.copy(this.#buffer, 0, at));
    }
  }
}
