// A public address served by Node's own http, http2 and tls: slower than uWebSockets.js, but it speaks
// HTTP/2 and HTTP/1.0, has trailers, and knows all of TLS. docs/engines.md has the table.
//
//   accept ──► (TLS ──► ALPN, or first bytes of HTTP/2 by prior knowledge) ──► http1-server or http2-server

import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Entry, ExchangeHandler } from '../../../core/exchange.ts';
import type { Certificate } from '../certificate.ts';
import { ClientConnections } from '../client-limit.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import { Sweeper } from '../sweeper.ts';
import { localAuthorityOf, remoteAddressOf } from './address.ts';
import { EndOfTurn } from './end-of-turn.ts';
import { isPreface, readFirst } from './first-bytes.ts';
import { Http1Server } from './http1-server.ts';
import { Http2Server } from './http2-server.ts';
import type { Connection, ListenerState } from './listener-state.ts';
import { readProxyHeader } from './proxy-header.ts';
import { clientCertificateOf, TlsFront, type TlsFrontOptions } from './tls-front.ts';

/** All slow things are looked at this often; the limits for them are exact to one such step. */
const TICK_MS = 1000;
const BACKLOG = 511;

export interface NodeListenerOptions {
  readonly name: string;
  /** Null for every address, IPv4 and IPv6; `unix:PATH` for a unix socket. */
  readonly host: string | null;
  /** 0 for any free one. */
  readonly port: number;
  readonly handler: ExchangeHandler;
  readonly settings: ListenerSettings;
  /** HTTP/2: by ALPN with TLS, by prior knowledge without. */
  readonly http2: boolean;
  readonly tls?: Omit<TlsFrontOptions, 'http2' | 'handshakeMs' | 'onSecure'>;
  /** Value of Strict-Transport-Security in all answers; '' or left out for none. */
  readonly strictTransport?: string;
  /** Tells which senders begin with a header of the PROXY protocol; left out: nobody. */
  readonly isBalancer?: (address: string) => boolean;
  /** Is told about exceptions, which are bugs; default: prints them. */
  readonly report?: (error: unknown) => void;
  readonly tickMs?: number;
}

/** An open listener. */
export class NodeListener {
  readonly #state: ListenerState;
  readonly #entry: { -readonly [K in keyof Entry]: Entry[K] };
  readonly #server: Server;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server | null;
  readonly #tls: TlsFront | null;
  readonly #sockets = new Set<Socket>();
  readonly #isBalancer: (address: string) => boolean;
  /** Whom balancers speak for, by the other end of the connection. */
  readonly #proxied = new Map<string, string>();
  readonly #clients = new ClientConnections();
  #connections = 0;

  constructor(options: NodeListenerOptions) {
    const report = options.report ?? ((error) => console.error(error));
    this.#entry = {
      listener: options.name,
      scheme: options.tls === undefined ? 'http' : 'https',
      port: options.port,
    };
    this.#state = {
      handler: options.handler,
      sweeper: new Sweeper(options.tickMs ?? TICK_MS, report),
      turn: new EndOfTurn(report),
      report,
      settings: options.settings,
      strictTransport: options.strictTransport ?? '',
      exchangesRunning: 0,
      webSocketsOpen: 0,
      isDraining: false,
    };
    this.#isBalancer = options.isBalancer ?? (() => false);
    this.#http1 = new Http1Server(this.#state);
    this.#http2 = options.http2 ? new Http2Server(this.#state) : null;
    this.#tls = options.tls === undefined ? null : this.#createTls(options, options.tls);
    // Who sends FIN has left: a session of HTTP/2 would never end otherwise.
    this.#server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Where it listens; 0 on a unix socket. */
  get port(): number {
    return this.#entry.port;
  }

  get exchangesRunning(): number {
    return this.#state.exchangesRunning;
  }

  /** Open connections, WebSockets included. */
  get connectionsOpen(): number {
    return this.#sockets.size;
  }

  /** Connections since the listener opened. */
  get connections(): number {
    return this.#connections;
  }

  get webSocketsOpen(): number {
    return this.#state.webSocketsOpen;
  }

  /** Binds the address; `done` gets an Error when it can't be had. */
  listen(
    { host, port }: Pick<NodeListenerOptions, 'host' | 'port'>,
    done: (error: Error | null) => void,
  ): void {
    const isUnix = host?.startsWith('unix:') === true;
    // A port of the workers' own, shared in the kernel: node:cluster is not to pass connections around.
    const shared = { exclusive: true, reusePort: port !== 0, backlog: BACKLOG };
    const where = isUnix
      ? { path: host.slice('unix:'.length) }
      : { port, ...(host === null ? {} : { host }), ...shared };
    const failed = (error: Error): void => {
      done(new Error(`cannot listen on ${host ?? '*'} port ${port}: ${error.message}`));
    };
    this.#server.once('error', failed);
    this.#server.listen(where, () => {
      this.#server.off('error', failed);
      this.#server.on('error', this.#state.report);
      const address = this.#server.address();
      this.#entry.port = typeof address === 'object' && address !== null ? address.port : 0;
      done(null);
    });
  }

  /** From now on other settings hold, also for exchanges that run. */
  configure(settings: ListenerSettings): void {
    this.#state.settings = settings;
    this.#http1.configure();
  }

  /** New handshakes get these; throws when they are no good. */
  recertify(certificates: readonly Certificate[]): void {
    this.#tls?.update(certificates);
  }

  /** Stops accepting; connections that are open go on. Those not yet accepted are lost. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }

  /**
   * Stops accepting; every answer from now on asks to close its connection, and HTTP/2 clients are told to
   * go elsewhere. WebSockets are left to whoever joined them.
   */
  drain(): void {
    if (this.#state.isDraining) return;
    this.#state.isDraining = true;
    this.close();
    this.#http2?.drain();
  }

  /** Cuts all connections. */
  closeAll(): void {
    this.drain();
    this.#http2?.close();
    this.#http1.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    this.#connections += 1;
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#isBalancer(remoteAddressOf(socket))) {
      readFirst(socket, this.#state, readProxyHeader, (client) => {
        if (client === null) this.#begin(socket);
        else {
          this.#speaksFor(socket, client);
          this.#admit(socket, client);
        }
      });
    } else {
      this.#admit(socket, remoteAddressOf(socket));
    }
  }

  /** Takes the connection of a client, unless it is one too many. */
  #admit(socket: Socket, client: string): void {
    const { clientLimit } = this.#state.settings;
    if (clientLimit !== null) {
      if (!this.#clients.opened(client, clientLimit)) {
        socket.destroy();
        return;
      }
      socket.once('close', () => this.#clients.closed(client));
    }
    this.#begin(socket);
  }

  #speaksFor(socket: Socket, client: string): void {
    const end = endOf(socket);
    this.#proxied.set(end, client);
    socket.once('close', () => this.#proxied.delete(end));
  }

  #begin(socket: Socket): void {
    if (this.#tls !== null) {
      this.#tls.take(socket);
      return;
    }
    const connection = this.#connectionOf(socket, this.#entry);
    if (this.#http2 === null) this.#serve(socket, connection, false);
    else {
      readFirst(socket, this.#state, isPreface, (isHttp2) => {
        this.#serve(socket, connection, isHttp2);
      });
    }
  }

  #connectionOf(socket: Socket, entry: Entry): Connection {
    return {
      entry,
      remoteAddress: this.#proxied.get(endOf(socket)) ?? remoteAddressOf(socket),
      localAuthority: localAuthorityOf(socket),
    };
  }

  #createTls(options: NodeListenerOptions, tls: NonNullable<NodeListenerOptions['tls']>): TlsFront {
    return new TlsFront({
      ...tls,
      http2: options.http2,
      handshakeMs: options.settings.requestHeadMs,
      onSecure: (socket) => {
        const clientCertificate = clientCertificateOf(socket);
        const entry =
          clientCertificate === null ? this.#entry : { ...this.#entry, clientCertificate };
        this.#serve(socket, this.#connectionOf(socket, entry), socket.alpnProtocol === 'h2');
      },
    });
  }

  #serve(socket: Duplex, connection: Connection, isHttp2: boolean): void {
    if (isHttp2) {
      // The session takes what waits in the socket by itself.
      this.#http2!.take(socket, connection);
    } else {
      this.#http1.take(socket, connection);
      socket.resume();
    }
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
