// A peer that answers the handshake with an ordinary response: its body on the way to the client.

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { ProxyError } from '../../core/errors.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { TunnelAttempt } from '../../core/tunnel.ts';
import { wasReset } from '../../std/was-reset.ts';

export class Refusal implements Source {
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #socket: Socket;
  readonly #attempt: TunnelAttempt;
  readonly #bodyIdleMs: number;
  #sink: Sink | null = null;
  #isPaused = false;
  /** Rather than ended, which a body without length takes for its end. */
  #wasReset = false;
  #isOver = false;

  constructor(
    request: ClientRequest,
    response: IncomingMessage,
    attempt: TunnelAttempt,
    bodyIdleMs: number,
  ) {
    this.#request = request;
    this.#response = response;
    this.#socket = response.socket;
    this.#attempt = attempt;
    this.#bodyIdleMs = bodyIdleMs;
  }

  /** The head is in the exchange: passes it on, then the body. */
  start(): void {
    const response = this.#response;
    // Node takes its own listener away when the response is complete, before the socket is closed.
    this.#socket.on('error', () => {});
    // Before Node's own listener, which closes it.
    this.#socket.prependOnceListener('end', () => {
      this.#wasReset = wasReset(this.#socket);
    });
    response.on('data', (chunk: Buffer) => this.#onData(chunk));
    response.on('end', () => this.#onEnd());
    response.on('error', (error) => this.#finish(new ProxyError('body_broken', error.message)));
    response.on('close', () => this.#finish(new ProxyError('body_broken', 'closed')));
    response.setTimeout(this.#bodyIdleMs, () => {
      if (!this.#isPaused) this.#finish(new ProxyError('body_timeout'));
    });
    this.#sink = this.#attempt.onHead(this);
    this.#sink.start(this);
  }

  pause(): void {
    this.#isPaused = true;
    this.#response.pause();
  }

  resume(): void {
    if (this.#isOver) return;
    this.#isPaused = false;
    // The limit is the peer's, and may have struck while the client was the slow one.
    this.#socket.setTimeout(this.#bodyIdleMs);
    this.#response.resume();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#disconnect();
    this.#attempt.onDone(error);
  }

  #onData(chunk: Buffer): void {
    if (!this.#isOver && !this.#sink!.write(chunk)) this.pause();
  }

  #onEnd(): void {
    const { headers } = this.#response;
    const isFramed =
      headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    const isBroken = this.#wasReset && !isFramed;
    this.#finish(isBroken ? new ProxyError('body_broken', 'reset') : null);
  }

  #finish(error: ProxyError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#disconnect();
    if (error === null) this.#sink!.end();
    else this.#sink!.fail(error);
    this.#attempt.onDone(error);
  }

  #disconnect(): void {
    this.#request.destroy();
    // A request that is complete does not close its socket any more.
    this.#socket.destroy();
  }
}
