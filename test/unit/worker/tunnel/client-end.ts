// A client's end of a WebSocket that a test plays by hand, and the offer it comes with.

import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { limits } from '../../../../src/core/limits.ts';
import type { WebSocketEnd, WebSocketEvents, WebSocketOffer } from '../../../../src/core/tunnel.ts';
import type { TunnelOptions } from '../../../../src/worker/tunnel/options.ts';
import { createTunnel } from '../../../../src/worker/tunnel/tunnel.ts';
import { TunnelRegistry } from '../../../../src/worker/tunnel/tunnel-registry.ts';
import { type Cleanup, until } from '../../../support/deadline.ts';
import { makePeer, RecordingAttempt } from '../support/attempts.ts';
import { makeExchange } from '../support/exchanges.ts';

/** Opens as soon as it is accepted, unless `isLate`. */
export class ClientEnd implements WebSocketEnd, WebSocketOffer {
  readonly protocols: readonly string[];
  /** What was called, e.g. `close 1000 bye`. */
  readonly calls: string[] = [];
  /** Messages as `text:…` or `binary:…`. */
  readonly messages: string[] = [];
  byteCount = 0;
  isLate = false;
  isFull = false;
  isPaused = false;
  accepted: { protocol: string; headers: RawHeaders } | null = null;
  events: WebSocketEvents | null = null;

  constructor(protocols: readonly string[] = []) {
    this.protocols = protocols;
  }

  accept(protocol: string, headers: RawHeaders, events: WebSocketEvents): void {
    this.accepted = { protocol, headers };
    this.events = events;
    if (!this.isLate) events.onOpen(this);
  }
  send(message: Uint8Array, isBinary: boolean): boolean {
    this.byteCount += message.length;
    const kind = isBinary ? 'binary' : 'text';
    if (message.length < 1000) this.messages.push(`${kind}:${Buffer.from(message).toString()}`);
    else this.messages.push(`${kind}:${message.length} bytes`);
    return !this.isFull;
  }
  ping(payload: Uint8Array): void {
    this.calls.push(`ping ${Buffer.from(payload).toString()}`);
  }
  close(code: number, reason: string): void {
    this.calls.push(`close ${code} ${reason}`);
  }
  terminate(): void {
    this.calls.push('terminate');
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }

  /** Plays a message of the client whose bytes are gone after the call, as the real one's are. */
  say(text: string | Uint8Array, isBinary = false): void {
    const transient = Buffer.from(text as string);
    this.events!.onMessage(transient, isBinary);
    transient.fill(0x58);
  }
}

/** One attempt to join a `ClientEnd` with a peer. */
export interface Joining {
  readonly client: ClientEnd;
  readonly exchange: Exchange;
  readonly attempt: RecordingAttempt;
  readonly registry: TunnelRegistry;
  open(): Promise<void>;
}

export interface JoiningOptions extends Partial<TunnelOptions> {
  readonly protocols?: readonly string[];
  readonly headers?: RawHeaders;
  readonly target?: string;
  readonly isLate?: boolean;
  readonly scheme?: 'http' | 'https';
  readonly hostname?: string;
  readonly sweepMs?: number;
}

export const tunnelOptions: TunnelOptions = {
  timeouts: { connectMs: 60_000, headMs: 60_000, bodyIdleMs: 60_000 },
  idleMs: 60_000,
  messageBytesMax: limits.webSocketMessageBytes,
  responseHeadBytesMax: limits.responseHeadBytes,
  tls: { verify: true, ca: null, serverName: null },
};

/** Starts an attempt against 127.0.0.1:`port`; everything is cut after the test. */
export function join(context: Cleanup, port: number, options: JoiningOptions = {}): Joining {
  const { protocols, headers, target, isLate, scheme, hostname, sweepMs, ...rest } = options;
  const client = new ClientEnd(protocols);
  client.isLate = isLate ?? false;
  const exchange = makeExchange({
    target: target ?? '/chat?room=1',
    headers: headers ?? [],
    webSocket: client,
  });
  const registry = new TunnelRegistry(sweepMs);
  const attempt = new RecordingAttempt();
  createTunnel({ ...tunnelOptions, ...rest }, registry).send(
    exchange,
    makePeer(port, scheme, hostname),
    attempt,
  );
  context.after(() => {
    registry.closeAll(1001);
    attempt.source?.cancel(new ProxyError('client_closed'));
  });
  return {
    client,
    exchange,
    attempt,
    registry,
    open: () => until(() => client.events !== null, { what: `open (${attempt.calls})` }),
  };
}
