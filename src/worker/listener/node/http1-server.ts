// HTTP/1.x of one listener: node:http parses and frames, fed with connections that somebody else accepted.

import {
  createServer,
  type IncomingMessage,
  type Server,
  ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { readHttp1Head } from './http1-head.ts';
import { Http1Writer } from './http1-writer.ts';
import { admit } from './intake.ts';
import type { Connection, ListenerState } from './listener-state.ts';
import type { ReceivedHead } from './request-head.ts';
import { plainRequestOf, UpgradeOffer, watchUntilUpgrade } from './upgrade.ts';

/** How often time-outs of heads are looked at. */
const CHECK_MS = 1000;

export class Http1Server {
  readonly #state: ListenerState;
  readonly #server: Server;
  readonly #connections = new WeakMap<Duplex, Connection>();
  /** Nothing that follows on these is served: the answer before will be the last. */
  readonly #closing = new WeakSet<Duplex>();
  /** Requests whose answer is not over. */
  readonly #running = new WeakMap<Duplex, number>();

  constructor(state: ListenerState) {
    this.#state = state;
    const { settings } = state;
    this.#server = createServer({
      maxHeaderSize: settings.requestHeadBytes,
      highWaterMark: settings.streamBufferBytes,
      headersTimeout: settings.requestHeadMs,
      requestTimeout: 0,
      keepAliveTimeout: settings.clientIdleMs,
      connectionsCheckingInterval: CHECK_MS,
      // Checked by us: HTTP/1.0 clients need not name a host.
      requireHostHeader: false,
      noDelay: true,
    });
    // Bounded by the size of the head, and counted by us: node would leave out what is too much.
    this.#server.maxHeadersCount = 0;
    this.#server.timeout = 0;
    this.#server.on('request', (request, response) => this.#take(request, response, false));
    this.#server.on('checkContinue', (request, response) => this.#take(request, response, true));
    this.#server.on('upgrade', (request, socket, rest) => this.#upgrade(request, socket, rest));
    this.#server.on('connect', (_, socket) => refuseRaw(socket, 400));
    this.#server.on('clientError', (error, socket) => {
      refuseRaw(socket, statusOf((error as NodeJS.ErrnoException).code));
    });
    // Starts the look at time-outs, which otherwise comes with listening.
    this.#server.emit('listening');
  }

  /** Serves requests on a connection that is open already. */
  take(socket: Duplex, connection: Connection): void {
    this.#connections.set(socket, connection);
    this.#server.emit('connection', socket);
  }

  /** What holds from now on for new requests. */
  configure(): void {
    this.#server.headersTimeout = this.#state.settings.requestHeadMs;
    this.#server.keepAliveTimeout = this.#state.settings.clientIdleMs;
  }

  close(): void {
    this.#server.close(() => {});
  }

  #take(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const { socket } = request;
    const head = this.#headOf(request);
    if (head === null) {
      socket.destroy();
      return;
    }
    if (this.#closing.has(socket)) return;
    if (head.failure !== null || head.wantsClose) this.#closing.add(socket);
    if (!request.complete && !head.hasBody && head.failure === null) request.resume();
    this.#count(socket, 1);
    response.once('close', () => this.#count(socket, -1));
    const writer = new Http1Writer(request, response, {
      awaitsContinue,
      takesTrailers: head.takesTrailers,
    });
    const body = admit(this.#state, {
      connection: this.#connections.get(socket)!,
      head,
      writer,
      input: request,
      isWhole: () => request.complete,
      offer: null,
    });
    if (body !== null) {
      request.prependOnceListener('end', () => {
        body.trailers = lowerCased(request.rawTrailers);
      });
      request.on('error', () => {});
    }
  }

  /** A WebSocket is offered to the handler; whatever else it is, the client has to do without. */
  #upgrade(request: IncomingMessage, duplex: Duplex, rest: Buffer): void {
    const socket = duplex as Socket;
    socket.on('error', () => {});
    const head = this.#headOf(request);
    // Answers to earlier requests are on their way: node gives up counting on an upgrade.
    if (head === null || (this.#running.get(socket) ?? 0) > 0) {
      socket.destroy();
      return;
    }
    if (head.webSocket === null) {
      socket.unshift(Buffer.concat([plainRequestOf(request), rest]));
      this.#server.emit('connection', socket);
      return;
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    const stopWatching = watchUntilUpgrade(socket);
    response.once('finish', () => {
      stopWatching();
      response.detachSocket(socket);
      socket.destroySoon();
    });
    const writer = new Http1Writer(request, response, {
      awaitsContinue: false,
      takesTrailers: false,
    });
    const wish = head.webSocket;
    const prepare = () => {
      stopWatching();
      response.removeAllListeners();
      response.detachSocket(socket);
      if (rest.length > 0) socket.unshift(rest);
    };
    admit(this.#state, {
      connection: this.#connections.get(socket)!,
      head,
      writer,
      input: request,
      isWhole: () => request.complete,
      offer: (sink) => new UpgradeOffer(this.#state, sink, { wish, socket, prepare }),
    });
  }

  #headOf(request: IncomingMessage): ReceivedHead | null {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return null;
    const { requestHeaderCount } = this.#state.settings;
    return readHttp1Head(request, requestHeaderCount, connection.localAuthority);
  }

  #count(socket: Duplex, change: number): void {
    this.#running.set(socket, (this.#running.get(socket) ?? 0) + change);
  }
}

function lowerCased(raw: readonly string[]): string[] | null {
  if (raw.length === 0) return null;
  return raw.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
}

/** What the parser found wrong, before there was a request to answer. */
function statusOf(code: string | undefined): number | null {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code?.startsWith('HPE_') === true ? 400 : null;
}

function refuseRaw(socket: Duplex, status: number | null): void {
  const response = (socket as { _httpMessage?: ServerResponse | null })._httpMessage;
  const isAnswering = response?.headersSent === true;
  if (status === null || isAnswering || !socket.writable) {
    socket.destroy();
    return;
  }
  const line = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`;
  socket.end(`${line}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}
