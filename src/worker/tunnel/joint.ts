// Two open WebSockets joined into one: whole messages from either end to the other, in order, and each
// end slowed down when the other is full. Pings are answered at once by the end that receives them and
// passed on as well, so that both the client and the peer see that somebody is there; pongs end here.

import type { RawData, WebSocket } from 'ws';
import { ProxyError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Source } from '../../core/sink.ts';
import type { TunnelAttempt, WebSocketEnd, WebSocketEvents } from '../../core/tunnel.ts';
import {
  ABNORMAL,
  fittingReason,
  GOING_AWAY,
  isSendable,
  NO_STATUS,
  PROTOCOL_ERROR,
  UNEXPECTED_CONDITION,
} from './close-codes.ts';
import type { RegisteredTunnel, TunnelRegistry } from './tunnel-registry.ts';

/** Unsent bytes to the peer above which the client is paused, and below which it goes on. */
const BACKLOG_BYTES_MAX = limits.webSocketBacklogBytes;
const BACKLOG_BYTES_LOW = BACKLOG_BYTES_MAX / 2;

export interface JointOptions {
  readonly registry: TunnelRegistry;
  readonly idleMs: number;
}

export class Joint implements WebSocketEvents, Source, RegisteredTunnel {
  readonly #attempt: TunnelAttempt;
  readonly #peer: WebSocket;
  readonly #registry: TunnelRegistry;
  readonly #idleMs: number;
  /** Null until the client's end is open; the peer is paused so long. */
  #client: WebSocketEnd | null = null;
  #lastActivityMs: number;
  #isClientPaused = false;
  #isClientFull = false;
  #isClientOver = false;
  #isPeerOver = false;
  #isReported = false;
  /** What the peer did wrong. */
  #peerError: ProxyError | null = null;
  /** How the peer closed before the client's end was open. */
  #earlyClose: { readonly code: number; readonly reason: string } | null = null;

  constructor(attempt: TunnelAttempt, peer: WebSocket, { registry, idleMs }: JointOptions) {
    this.#attempt = attempt;
    this.#peer = peer;
    this.#registry = registry;
    this.#idleMs = idleMs;
    this.#lastActivityMs = registry.nowMs;
    // Nothing is held here: what comes before the client's end is open waits in the socket.
    peer.pause();
    peer.on('message', (data, isBinary) => this.#onPeerMessage(data, isBinary));
    peer.on('ping', (payload) => this.#onPeerPing(payload));
    peer.on('close', (code, reason) => this.#onPeerClose(code, reason.toString()));
    registry.add(this);
  }

  get isOver(): boolean {
    return this.#isReported;
  }

  /** `ws` refuses what the peer sent, has told it so, and will close. */
  peerFailed(error: Error): void {
    this.#peerError ??= new ProxyError('bad_response', error.message);
    if (!this.#isClientOver) this.#client?.close(UNEXPECTED_CONDITION, '');
  }

  // As listener to the client's end.

  onOpen(end: WebSocketEnd): void {
    this.#client = end;
    if (this.#earlyClose !== null)
      this.#closeClient(this.#earlyClose.code, this.#earlyClose.reason);
    else if (this.#isReported) end.terminate();
    else this.#peer.resume();
  }

  onMessage(message: Uint8Array, isBinary: boolean): void {
    const peer = this.#peer;
    if (peer.readyState !== peer.OPEN) return;
    this.#lastActivityMs = this.#registry.nowMs;
    // Masking makes the copy (see mask.ts): the message is gone after this call.
    peer.send(message, { binary: isBinary, compress: false, fin: true }, this.#onSent);
    if (this.#isClientPaused || peer.bufferedAmount <= BACKLOG_BYTES_MAX) return;
    this.#isClientPaused = true;
    this.#client?.pause();
  }

  onPing(payload: Uint8Array): void {
    const peer = this.#peer;
    this.#lastActivityMs = this.#registry.nowMs;
    if (peer.readyState !== peer.OPEN || peer.bufferedAmount > BACKLOG_BYTES_MAX) return;
    peer.ping(payload);
  }

  onDrain(): void {
    this.#isClientFull = false;
    this.#peer.resume();
  }

  onClose(code: number, reason: string): void {
    this.#isClientOver = true;
    if (this.#isPeerOver) return;
    if (code === ABNORMAL) {
      this.#peer.terminate();
      this.#report(new ProxyError('client_closed', 'no closing handshake'));
    } else {
      this.#closePeer(code, reason);
    }
  }

  // As source: only the end of the exchange reaches it.

  pause(): void {
    this.#peer.pause();
  }

  resume(): void {
    if (this.#client !== null && !this.#isClientFull) this.#peer.resume();
  }

  cancel(error: ProxyError): void {
    this.#isClientOver = true;
    this.#client?.terminate();
    this.#peer.terminate();
    this.#report(error);
  }

  // As a registered tunnel.

  sweep(nowMs: number): void {
    // The time of activity is that of the sweep before it.
    if (nowMs - this.#lastActivityMs >= this.#idleMs + this.#registry.sweepMs)
      this.#closeBoth(GOING_AWAY, 'idle');
  }

  goAway(code: number): void {
    this.#closeBoth(code, '');
  }

  readonly #onSent = (): void => {
    if (!this.#isClientPaused || this.#peer.bufferedAmount > BACKLOG_BYTES_LOW) return;
    this.#isClientPaused = false;
    this.#client?.resume();
  };

  #onPeerMessage(data: RawData, isBinary: boolean): void {
    if (this.#isClientOver || this.#client === null) return;
    // One Buffer, as long as binaryType is left alone.
    const message = data as Buffer;
    this.#lastActivityMs = this.#registry.nowMs;
    if (this.#client.send(message, isBinary)) return;
    this.#isClientFull = true;
    this.#peer.pause();
  }

  #onPeerPing(payload: Buffer): void {
    this.#lastActivityMs = this.#registry.nowMs;
    if (!this.#isClientOver && !this.#isClientFull) this.#client?.ping(payload);
  }

  #onPeerClose(code: number, reason: string): void {
    this.#isPeerOver = true;
    let error = this.#peerError;
    if (!this.#isClientOver) {
      if (code === ABNORMAL) error ??= new ProxyError('body_broken', 'no closing handshake');
      if (this.#client === null) this.#earlyClose = { code, reason };
      else if (this.#peerError === null) this.#closeClient(code, reason);
    }
    this.#report(error);
  }

  #closeClient(code: number, reason: string): void {
    this.#isClientOver = true;
    if (code === ABNORMAL) this.#client?.terminate();
    else this.#client?.close(code, reason);
  }

  #closePeer(code: number, reason: string): void {
    // What it answers must be read, although nobody wants its messages any more.
    this.#peer.resume();
    if (code === NO_STATUS) this.#peer.close();
    else if (isSendable(code)) this.#peer.close(code, fittingReason(reason));
    else this.#peer.close(PROTOCOL_ERROR);
  }

  #closeBoth(code: number, reason: string): void {
    if (this.#isClientOver || this.#isPeerOver) return;
    if (this.#client === null) this.#earlyClose = { code, reason };
    else this.#closeClient(code, reason);
    this.#isClientOver = true;
    this.#closePeer(code, reason);
  }

  #report(error: ProxyError | null): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#registry.delete(this);
    this.#attempt.onDone(error);
  }
}
