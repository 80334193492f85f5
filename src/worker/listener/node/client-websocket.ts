// The client's end of an open WebSocket, on a socket (HTTP/1.1) or a stream (HTTP/2); frames are read and
// written by `ws`.

import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { WebSocketEnd, WebSocketEvents } from '../../../core/tunnel.ts';
import { lazyPackage } from '../../../std/lazy.ts';
import type { Swept } from '../sweeper.ts';
import type { ClientSink } from './client-sink.ts';
import type { ListenerState } from './listener-state.ts';

const NO_CODE = 1005;
const CUT = 1006;
const GOING_AWAY = 1001;

/** How long a client may take to answer a Close frame. */
const CLOSE_TIMEOUT_MS = 10_000;

const loadWs = lazyPackage<typeof import('ws')>('ws');
const EMPTY = Buffer.alloc(0);

/** What `ws` does for its own server, and does not describe. */
interface ServerEnd {
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

export class ClientWebSocket implements WebSocketEnd, Swept {
  readonly #state: ListenerState;
  readonly #sink: ClientSink;
  readonly #events: WebSocketEvents;
  #socket: WebSocket | null = null;
  #isFull = false;
  #isClosed = false;
  #closedWith: { readonly code: number; readonly reason: string } | null = null;
  #ticks = 0;

  constructor(state: ListenerState, sink: ClientSink, events: WebSocketEvents) {
    this.#state = state;
    this.#sink = sink;
    this.#events = events;
  }

  /** The handshake is over: frames follow on `duplex`. */
  open(duplex: Duplex): void {
    const { WebSocket: Socket } = loadWs();
    const options = { autoPong: true, closeTimeout: CLOSE_TIMEOUT_MS };
    const socket = new Socket(null as unknown as string, undefined, options as object);
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    socket.on('ping', (payload) => this.#pinged(payload));
    socket.on('close', (code, reason) => this.#closed(code, reason.toString()));
    // What it says about frames that are none comes back as the close that follows.
    socket.on('error', () => {});
    (socket as unknown as ServerEnd).setSocket(duplex, EMPTY, {
      allowSynchronousEvents: true,
      maxPayload: this.#state.settings.webSocketMessageBytes,
      skipUTF8Validation: false,
    });
    this.announce();
  }

  /** Tells the tunnel; a client that has left in the meantime is reported as open and cut. */
  announce(): void {
    this.#state.webSocketsOpen += 1;
    this.#state.sweeper.add(this);
    this.#events.onOpen(this);
    if (this.#socket === null) this.#closed(CUT, '');
  }

  send(message: Uint8Array, isBinary: boolean): boolean {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== socket.OPEN) return true;
    this.#ticks = 0;
    this.#sink.exchange.bytesSent += message.byteLength;
    socket.send(Buffer.from(message), { binary: isBinary, compress: false }, this.#onSent);
    if (socket.bufferedAmount > this.#state.settings.streamBufferBytes) this.#isFull = true;
    return !this.#isFull;
  }

  ping(payload: Uint8Array): void {
    const socket = this.#socket;
    if (socket?.readyState === socket?.OPEN) socket?.ping(Buffer.from(payload));
  }

  close(code: number, reason: string): void {
    if (this.#socket === null || this.#closedWith !== null) return;
    this.#closedWith = { code, reason };
    if (code === NO_CODE || code === CUT) this.#socket.close();
    else this.#socket.close(code, reason);
    // A client that is paused could not answer.
    this.#socket.resume();
  }

  terminate(): void {
    this.#socket?.terminate();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  tick(): void {
    this.#ticks += 1;
    const { sweeper, settings } = this.#state;
    if (this.#ticks >= sweeper.ticks(settings.webSocketIdleMs)) this.close(GOING_AWAY, 'idle');
  }

  readonly #onSent = (): void => {
    if (!this.#isFull || this.#socket === null) return;
    this.#ticks = 0;
    if (this.#socket.bufferedAmount > this.#state.settings.streamBufferBytes) return;
    this.#isFull = false;
    this.#events.onDrain();
  };

  #received(data: Buffer, isBinary: boolean): void {
    this.#ticks = 0;
    this.#sink.exchange.bytesReceived += data.byteLength;
    this.#guarded(() => this.#events.onMessage(data, isBinary));
  }

  #pinged(payload: Buffer): void {
    this.#ticks = 0;
    this.#guarded(() => this.#events.onPing(payload));
  }

  #closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket = null;
    this.#state.sweeper.remove(this);
    this.#state.webSocketsOpen -= 1;
    const end = this.#closedWith ?? { code, reason };
    this.#guarded(() => this.#events.onClose(end.code, end.reason));
    this.#sink.finish();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#state.report(error);
    }
  }
}
