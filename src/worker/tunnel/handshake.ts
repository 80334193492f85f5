// Asks a peer to switch to WebSocket, by way of `ws`, and tells what comes of it.
//
//   connecting ──► asking ──► switched: the two ends are joined (joint.ts)
//        │            ├─────► refused: an ordinary response (refusal.ts)
//        └────────────┴─────► failed or cancelled

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { codeOf, connectFailure } from '../../core/connect-failure.ts';
import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer } from '../../core/peer.ts';
import { proxyHeader } from '../../core/proxy-header.ts';
import type { Source } from '../../core/sink.ts';
import type { TunnelAttempt } from '../../core/tunnel.ts';
import { lazyPackage } from '../../std/lazy.ts';
import { Joint } from './joint.ts';
import { fillMask } from './mask.ts';
import type { TunnelOptions } from './options.ts';
import { openPeerSocket } from './peer-socket.ts';
import { Refusal } from './refusal.ts';
import { handshakeFields, isSendableTarget } from './request-fields.ts';
import { takeResponseHead } from './response-fields.ts';
import type { RegisteredTunnel, TunnelRegistry } from './tunnel-registry.ts';

/** Loads `ws` before the first tunnel needs it: 100 to 200 ms of a worker's start. */
export const loadWs = lazyPackage<typeof import('ws')>('ws');

/** How long a peer may take to answer a Close frame and to close its connection. */
const CLOSE_TIMEOUT_MS = 10_000;

export interface HandshakeContext {
  readonly options: TunnelOptions;
  readonly registry: TunnelRegistry;
}

/** What Node's request is told when its connection is there. */
type Connected = (error: Error | null, socket?: Socket) => void;

type Phase = 'connecting' | 'asking' | 'switched' | 'over';

export class Handshake implements Source, RegisteredTunnel {
  readonly #exchange: Exchange;
  readonly #peer: Peer;
  readonly #attempt: TunnelAttempt;
  readonly #options: TunnelOptions;
  readonly #registry: TunnelRegistry;
  #phase: Phase = 'connecting';
  #timer: NodeJS.Timeout | null = null;
  #socket: WebSocket | null = null;
  /** A connection that `ws` does not know of yet. */
  #unready: Socket | null = null;
  /** The subprotocol that the peer chose. */
  #protocol = '';
  #joint: Joint | null = null;

  constructor(
    exchange: Exchange,
    peer: Peer,
    attempt: TunnelAttempt,
    { options, registry }: HandshakeContext,
  ) {
    this.#exchange = exchange;
    this.#peer = peer;
    this.#attempt = attempt;
    this.#options = options;
    this.#registry = registry;
  }

  start(): void {
    this.#exchange.running = this;
    this.#registry.add(this);
    if (!isSendableTarget(this.#exchange.target)) {
      this.#fail(new ProxyError('bad_request', 'target'));
      return;
    }
    const { connectMs } = this.#options.timeouts;
    this.#timer = setTimeout(() => this.#fail(new ProxyError('connect_timeout')), connectMs);
    try {
      this.#socket = this.#open();
    } catch (error) {
      // Node refuses a field that the listener let pass.
      this.#fail(new ProxyError('bad_request', (error as Error).message));
    }
  }

  // As source: there is nothing to slow down yet.
  pause(): void {}
  resume(): void {}

  cancel(): void {
    if (!this.#leave('over')) return;
    if (this.#exchange.running === this) this.#exchange.running = null;
    this.#socket?.terminate();
  }

  // As a registered tunnel. The handshake has its own time limits.
  sweep(): void {}

  goAway(): void {
    this.#fail(new ProxyError('draining'));
  }

  #isOpening(): boolean {
    return this.#phase === 'connecting' || this.#phase === 'asking';
  }

  #open(): WebSocket {
    const { scheme, hostname, port } = this.#peer.address;
    const host = hostname.includes(':') ? `[${hostname}]` : hostname;
    // The target is set below: a URL object would not keep it byte for byte.
    const socket = new (loadWs().WebSocket)(
      `${scheme === 'https' ? 'wss' : 'ws'}://${host}:${port}/`,
      [],
      {
        headers: handshakeFields(this.#exchange, this.#peer),
        finishRequest: (request: ClientRequest) => {
          request.path = this.#exchange.target;
          request.end();
        },
        createConnection: (_: unknown, done: Connected) => this.#connect(done),
        maxHeaderSize: this.#options.responseHeadBytesMax,
        maxPayload: this.#options.messageBytesMax,
        perMessageDeflate: false,
        followRedirects: false,
        closeTimeout: CLOSE_TIMEOUT_MS,
        generateMask: fillMask,
      } as unknown as WebSocket.ClientOptions,
    );
    socket.on('upgrade', (response) => this.#upgraded(response));
    socket.on('open', () => this.#opened());
    socket.on('unexpected-response', (request, response) => this.#refused(request, response));
    socket.on('error', (error) => this.#errored(error));
    return socket;
  }

  /** Returns the connection at once, or hands it to `done` when it has been introduced. */
  #connect(done: Connected): Socket | undefined {
    const { sendProxy = 'off' } = this.#options;
    const options = this.#options;
    if (sendProxy === 'off') {
      const onReady = () => this.#connected();
      return openPeerSocket(this.#peer, { options, introduce: null, onReady });
    }
    // The request would be written at once, which is before the header.
    const socket = openPeerSocket(this.#peer, {
      options,
      introduce: (own) => proxyHeader(sendProxy, this.#exchange, own),
      onReady: () => {
        this.#unready = null;
        this.#connected();
        done(null, socket);
      },
    });
    this.#unready = socket.once('error', done);
    return undefined;
  }

  #connected(): void {
    if (this.#phase !== 'connecting') return;
    this.#phase = 'asking';
    clearTimeout(this.#timer!);
    const { headMs } = this.#options.timeouts;
    this.#timer = setTimeout(() => this.#fail(new ProxyError('head_timeout')), headMs);
  }

  /**
   * The peer switched; `ws` checks the key next. It would also insist that a subprotocol is chosen when
   * some were offered, which is for the client to judge: so `ws` is not told of them, and gets to see
   * none.
   */
  #upgraded(response: IncomingMessage): void {
    if (!this.#isOpening()) return;
    const chosen = response.headers['sec-websocket-protocol'] ?? '';
    const offered = this.#exchange.webSocket!.protocols;
    if (chosen !== '' && !offered.includes(chosen)) {
      this.#fail(new ProxyError('upgrade_failed', 'a subprotocol that was not offered'));
      return;
    }
    delete response.headers['sec-websocket-protocol'];
    this.#protocol = chosen;
    const problem = takeResponseHead(this.#exchange, 101, response.rawHeaders);
    if (problem !== null) this.#fail(new ProxyError('upgrade_failed', problem));
  }

  #opened(): void {
    if (!this.#leave('switched')) return;
    const exchange = this.#exchange;
    exchange.responseByteLength = 0;
    const joint = new Joint(this.#attempt, this.#socket!, {
      registry: this.#registry,
      idleMs: this.#options.idleMs,
    });
    this.#joint = joint;
    this.#attempt.onUpgraded(joint);
    if (!joint.isOver) {
      exchange.webSocket!.accept(this.#protocol, exchange.responseHeaders, joint);
    }
  }

  #refused(request: ClientRequest, response: IncomingMessage): void {
    if (!this.#isOpening()) {
      request.destroy();
      return;
    }
    const status = response.statusCode ?? 0;
    if (status < 200) {
      this.#fail(new ProxyError('upgrade_failed', `status ${status} without Upgrade`));
      return;
    }
    const problem = takeResponseHead(this.#exchange, status, response.rawHeaders);
    if (problem !== null) {
      this.#fail(new ProxyError('bad_response', problem));
      return;
    }
    this.#leave('over');
    const { bodyIdleMs } = this.#options.timeouts;
    new Refusal(request, response, this.#attempt, bodyIdleMs).start();
  }

  #errored(error: Error): void {
    if (this.#joint !== null) this.#joint.peerFailed(error);
    else if (this.#phase === 'connecting') {
      this.#fail(connectFailure(error, this.#peer.address.scheme === 'https'));
    } else this.#fail(handshakeFailure(error));
  }

  #fail(error: ProxyError): void {
    if (!this.#leave('over')) return;
    this.#exchange.running = null;
    this.#socket?.terminate();
    this.#attempt.onFailure(error);
  }

  /** Ends this phase of the attempt; false when it has ended before. */
  #leave(next: Phase): boolean {
    if (!this.#isOpening()) return false;
    this.#phase = next;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (next === 'over') this.#unready?.destroy();
    this.#registry.delete(this);
    return true;
  }
}

/** Which row an error is that came when the connection was ready. */
function handshakeFailure(error: Error): ProxyError {
  const code = codeOf(error);
  const detail = `${code} ${error.message}`.trim();
  if (code === 'HPE_HEADER_OVERFLOW') return new ProxyError('response_head_too_large', detail);
  if (code.startsWith('HPE_')) return new ProxyError('bad_response', detail);
  // All others are what `ws` says about an answer that is no proper switch.
  return new ProxyError(code === '' ? 'upgrade_failed' : 'peer_reset', detail);
}
