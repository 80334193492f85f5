// One connection to a FastCGI application, for one request at a time.
//
//   CONNECTING ──connect──► BUSY ──request ended in order──► IDLE ──next request──► BUSY …
//       └── error, time-out, cancel, FIN, bytes nobody asked for ──► CLOSED

import { connect, type Socket } from 'node:net';
import { connectFailure } from '../../../core/connect-failure.ts';
import { ProxyError } from '../../../core/errors.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { FastcgiOptions } from './options.ts';
import { RecordReader, stdinEnd, stdinRecords } from './records.ts';
import type { Carrier, FastcgiRequest } from './request.ts';

/** A request that is ready to go: its first records, and the body that follows or null. */
export interface Outgoing {
  readonly request: FastcgiRequest;
  readonly head: Buffer;
  /** The body when it had to be gathered; else it is streamed. */
  readonly gathered: Uint8Array | null;
}

export interface ConnectionHost {
  readonly options: FastcgiOptions;
  /** The request is over, and the connection can take another one. */
  released(connection: FastcgiConnection): void;
  /** It is closed. */
  gone(connection: FastcgiConnection): void;
  /** A kept connection was closed by its peer before it saw the request: it goes to another one. */
  repeat(outgoing: Outgoing): void;
}

export class FastcgiConnection implements Carrier, Sink {
  readonly peer: Peer;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  #outgoing: Outgoing | null = null;
  #reader: RecordReader | null = null;
  #upload: Source | null = null;
  #isReady = false;
  #isClosed = false;
  #isPaused = false;
  #requests = 0;
  #hasReceived = false;

  /** Begins to connect; `outgoing` goes first. */
  constructor(host: ConnectionHost, outgoing: Outgoing) {
    this.#host = host;
    this.peer = outgoing.request.peer;
    const { path, hostname, port } = this.peer.address;
    this.#socket = path === null ? connect({ host: hostname, port, noDelay: true }) : connect(path);
    this.#take(outgoing);
    this.#listen();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends a request; nothing runs on the connection. */
  send(outgoing: Outgoing): void {
    this.#take(outgoing);
    this.#write(outgoing);
  }

  close(): void {
    this.#close(null);
  }

  // As carrier of the request that runs.

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
    this.#socket.setTimeout(0);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
    this.#awaitMore();
  }

  abandon(): void {
    this.#close(null);
  }

  completed(): void {
    const upload = this.#upload;
    this.#upload = null;
    this.#reader = null;
    this.#outgoing = null;
    if (upload !== null || this.#host.options.keptMax === 0) {
      this.#close(null);
      upload?.cancel(new ProxyError('peer_reset', 'answered before the request was complete'));
    }
  }

  // As the sink of the request body.

  start(source: Source): void {
    this.#upload = source;
  }

  write(chunk: Uint8Array): boolean {
    return !this.#isClosed && this.#socket.write(stdinRecords(chunk));
  }

  end(): void {
    this.#upload = null;
    if (!this.#isClosed) this.#socket.write(stdinEnd());
  }

  fail(error: ProxyError): void {
    this.#upload = null;
    this.#close(error);
  }

  #take(outgoing: Outgoing): void {
    this.#outgoing = outgoing;
    this.#requests += 1;
    this.#hasReceived = false;
    outgoing.request.carrier = this;
    this.#reader = new RecordReader(outgoing.request);
    const { timeouts } = this.#host.options;
    this.#socket.setTimeout(this.#isReady ? timeouts.headMs : timeouts.connectMs);
  }

  #write({ request, head, gathered }: Outgoing): void {
    const { requestBody } = request.exchange;
    this.#socket.cork();
    this.#socket.write(head);
    if (requestBody === null || gathered !== null) {
      if (gathered !== null) this.#socket.write(stdinRecords(gathered));
      this.#socket.write(stdinEnd());
    } else {
      requestBody.pipe(this);
    }
    this.#socket.uncork();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => {
      if (this.#isClosed) return;
      this.#isReady = true;
      socket.setTimeout(this.#host.options.timeouts.headMs);
      this.#write(this.#outgoing!);
    });
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('drain', () => this.#upload?.resume());
    socket.on('timeout', () => this.#onTimeout());
    socket.on('end', () => this.#onLost(null));
    socket.on('error', (error) => this.#onLost(error));
    socket.on('close', () => this.#onLost(null));
  }

  #receive(bytes: Buffer): void {
    const reader = this.#reader;
    if (this.#isClosed) return;
    if (reader === null) {
      // Nobody asked for anything: such a connection could poison the next response.
      this.#close(null);
      return;
    }
    this.#hasReceived = true;
    reader.receive(bytes);
    if (this.#isClosed) return;
    if (this.#reader === reader) {
      if (!this.#isPaused) this.#awaitMore();
    } else if (reader.isAtEnd) this.#rest();
    // Padding may follow the last record, anything else must not.
    else this.#close(null);
  }

  /** The request is over, and nothing stands behind its response. */
  #rest(): void {
    if (this.#isPaused) this.resume();
    this.#socket.setTimeout(this.#host.options.idleMs);
    this.#host.released(this);
  }

  #awaitMore(): void {
    const { timeouts } = this.#host.options;
    const hasHead = this.#outgoing?.request.hasHead === true;
    this.#socket.setTimeout(hasHead ? timeouts.bodyIdleMs : timeouts.headMs);
  }

  #onTimeout(): void {
    const request = this.#outgoing?.request;
    if (request === undefined) this.#close(null);
    else if (!this.#isReady) this.#close(new ProxyError('connect_timeout'));
    else this.#close(new ProxyError(request.hasHead ? 'body_timeout' : 'head_timeout'));
  }

  #onLost(error: NodeJS.ErrnoException | null): void {
    const outgoing = this.#outgoing;
    if (this.#isClosed || outgoing === null) {
      this.#close(null);
      return;
    }
    const detail = error === null ? 'closed' : (error.code ?? error.message);
    if (!this.#isReady) this.#close(connectFailure(error ?? new Error('closed'), false));
    else if (outgoing.request.hasHead) this.#close(new ProxyError('body_broken', detail));
    else if (this.#mayRepeat(outgoing)) this.#repeat(outgoing);
    else this.#close(new ProxyError('peer_reset', detail));
  }

  /** The peer closed a kept connection while the request was on its way: it can't have begun with it. */
  #mayRepeat({ request: { exchange } }: Outgoing): boolean {
    if (this.#requests < 2 || this.#hasReceived) return false;
    const { method, requestBody } = exchange;
    return (method === 'GET' || method === 'HEAD') && requestBody === null;
  }

  #repeat(outgoing: Outgoing): void {
    outgoing.request.carrier = null;
    this.#outgoing = null;
    this.#close(null);
    this.#host.repeat(outgoing);
  }

  #close(error: ProxyError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    // The body may go to another attempt.
    this.#upload = null;
    const request = this.#outgoing?.request;
    this.#outgoing = null;
    this.#host.gone(this);
    if (request !== undefined && request.carrier === this) request.carrier = null;
    if (error !== null) request?.breakOff(error);
  }
}
