// The client's end of an open WebSocket.
//
// This engine can't stop reading a WebSocket. While the tunnel wants no more, messages are kept here, at
// most as long as one message may be and a backlog on top; a client that sends beyond that is closed with
// 1013. Messages too long, text that is not UTF-8 and the like end with a cut connection (1006) instead of
// the codes of RFC 6455: so decides the engine, too.

import type { WebSocket, WebSocketBehavior } from 'uWebSockets.js';
import { limits } from '../../../core/limits.ts';
import type { WebSocketEnd, WebSocketEvents } from '../../../core/tunnel.ts';
import type { Swept } from '../sweeper.ts';
import type { ClientSink } from './client-sink.ts';
import type { ListenerState } from './listener-state.ts';

const NO_CODE = 1005;
const CUT = 1006;
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

/** Longest the engine knows, in seconds; then it pings, and cuts who does not answer within 16 s. */
const ENGINE_IDLE_S = 960;

/** What the engine keeps with each open socket. */
export interface SocketData {
  readonly socket: ClientWebSocket;
}

interface KeptMessage {
  readonly data: Uint8Array;
  readonly isBinary: boolean;
}

export class ClientWebSocket implements WebSocketEnd, Swept {
  readonly #state: ListenerState;
  readonly #sink: ClientSink;
  readonly #events: WebSocketEvents;
  #engine: WebSocket<SocketData> | null = null;
  #kept: KeptMessage[] = [];
  #keptBytes = 0;
  #isPaused = false;
  #isFull = false;
  #isOpen = false;
  #isClosed = false;
  #closedWith: { readonly code: number; readonly reason: string } | null = null;
  #ticks = 0;

  constructor(state: ListenerState, sink: ClientSink, events: WebSocketEvents) {
    this.#state = state;
    this.#sink = sink;
    this.#events = events;
  }

  /** The engine has made the socket. */
  attach(engine: WebSocket<SocketData>): void {
    this.#engine = engine;
  }

  /** Tells the tunnel; a client that has left in the meantime is reported as open and cut. */
  announce(): void {
    this.#isOpen = true;
    this.#state.webSocketsOpen += 1;
    this.#state.sweeper.add(this);
    this.#events.onOpen(this);
    if (this.#engine === null) this.closed(CUT, '');
  }

  send(message: Uint8Array, isBinary: boolean): boolean {
    const engine = this.#engine;
    if (engine === null) return true;
    this.#ticks = 0;
    this.#sink.exchange.bytesSent += message.byteLength;
    engine.send(message, isBinary, false);
    this.#isFull = engine.getBufferedAmount() > this.#state.settings.streamBufferBytes;
    return !this.#isFull;
  }

  ping(payload: Uint8Array): void {
    this.#engine?.ping(payload);
  }

  close(code: number, reason: string): void {
    if (this.#engine === null) return;
    this.#closedWith = { code, reason };
    // The engine calls `closed` before it returns.
    if (code === NO_CODE || code === CUT) this.#engine.end();
    else this.#engine.end(code, reason);
  }

  terminate(): void {
    this.#engine?.close();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    let at = 0;
    for (; at < this.#kept.length && !this.#isPaused && !this.#isClosed; at++) {
      const { data, isBinary } = this.#kept[at]!;
      this.#keptBytes -= data.byteLength;
      this.#events.onMessage(data, isBinary);
    }
    this.#kept.splice(0, at);
  }

  /** The engine has a message, valid during the call only. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    this.#ticks = 0;
    this.#sink.exchange.bytesReceived += message.byteLength;
    if (!this.#isPaused && this.#kept.length === 0) {
      this.#events.onMessage(new Uint8Array(message), isBinary);
      return;
    }
    this.#kept.push({ data: new Uint8Array(message.slice(0)), isBinary });
    this.#keptBytes += message.byteLength;
    const keptMax = this.#state.settings.webSocketMessageBytes + limits.webSocketBacklogBytes;
    if (this.#keptBytes > keptMax) this.close(TRY_AGAIN_LATER, 'too much waits');
  }

  pinged(payload: ArrayBuffer): void {
    this.#ticks = 0;
    this.#events.onPing(new Uint8Array(payload));
  }

  drained(): void {
    if (this.#engine === null || !this.#isFull) return;
    this.#ticks = 0;
    if (this.#engine.getBufferedAmount() > this.#state.settings.streamBufferBytes) return;
    this.#isFull = false;
    this.#events.onDrain();
  }

  /** The engine's socket is over, for whatever reason; calls on it would throw. */
  closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#engine = null;
    this.#state.sweeper.remove(this);
    // What the client sent before it closed comes before the close.
    if (this.#closedWith === null && this.#isOpen) this.#deliverAll();
    this.#isClosed = true;
    this.#kept = [];
    const end = this.#closedWith ?? { code, reason: code === CUT ? '' : reason };
    if (this.#isOpen) {
      this.#state.webSocketsOpen -= 1;
      this.#events.onClose(end.code, end.reason);
    }
    this.#sink.finish();
  }

  tick(): void {
    this.#ticks += 1;
    const { sweeper, settings } = this.#state;
    if (this.#ticks >= sweeper.ticks(settings.webSocketIdleMs)) this.close(GOING_AWAY, 'idle');
  }

  #deliverAll(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const { data, isBinary } of kept) this.#events.onMessage(data, isBinary);
  }
}

/** Describes WebSockets of one listener to the engine. */
export function webSocketBehavior(
  state: ListenerState,
  upgrade: NonNullable<WebSocketBehavior<SocketData>['upgrade']>,
): WebSocketBehavior<SocketData> {
  const guarded = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      state.report(error);
    }
  };
  return {
    maxPayloadLength: state.settings.webSocketMessageBytes,
    // No limit: nothing may be dropped in silence. `send` says when it is full.
    maxBackpressure: 0,
    idleTimeout: ENGINE_IDLE_S,
    sendPingsAutomatically: true,
    compression: 0,
    upgrade,
    open: (ws) => ws.getUserData().socket.attach(ws),
    message: (ws, message, isBinary) =>
      guarded(() => ws.getUserData().socket.received(message, isBinary)),
    ping: (ws, payload) => guarded(() => ws.getUserData().socket.pinged(payload)),
    drain: (ws) => guarded(() => ws.getUserData().socket.drained()),
    close: (ws, code, reason) =>
      guarded(() => ws.getUserData().socket.closed(code || NO_CODE, textOf(reason))),
  };
}

function textOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('utf8');
}
