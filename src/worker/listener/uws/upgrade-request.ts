// A client's request to upgrade, until the peer has answered it.

import type { us_socket_context_t } from 'uWebSockets.js';
import type { RawHeaders } from '../../../core/headers.ts';
import type { WebSocketEvents, WebSocketOffer } from '../../../core/tunnel.ts';
import { HANDSHAKE_FIELDS } from '../handshake-fields.ts';
import type { ClientSink } from './client-sink.ts';
import { ClientWebSocket } from './client-websocket.ts';
import type { ListenerState } from './listener-state.ts';
import type { ReceivedHead } from './request-head.ts';
import { CORKED_HEAD_BYTES, headBytes, writeLongHead } from './response-head.ts';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export class UpgradeRequest implements WebSocketOffer {
  readonly protocols: readonly string[];
  readonly #state: ListenerState;
  readonly #sink: ClientSink;
  readonly #key: string;
  readonly #context: us_socket_context_t;

  constructor(
    state: ListenerState,
    sink: ClientSink,
    received: ReceivedHead,
    context: us_socket_context_t,
  ) {
    this.#state = state;
    this.#sink = sink;
    this.#key = received.webSocketKey;
    this.#context = context;
    this.protocols = received.webSocketProtocols
      .split(',')
      .map((protocol) => protocol.trim())
      .filter((protocol) => TOKEN.test(protocol));
  }

  accept(protocol: string, headers: RawHeaders, events: WebSocketEvents): void {
    const socket = new ClientWebSocket(this.#state, this.#sink, events);
    const response = this.#sink.take();
    if (response === null) {
      // The client left while the peer was asked: the tunnel learns it like any other end.
      socket.announce();
      return;
    }
    this.#sink.exchange.status = 101;
    const kept = headers.filter((_, at) => !HANDSHAKE_FIELDS.has(headers[at - (at % 2)]!));
    // No extension is ever agreed on, so that messages can be passed on as they are.
    const chosen = this.protocols.includes(protocol) ? protocol : '';
    const head = headBytes(101, kept, '');
    if (head.length > CORKED_HEAD_BYTES) writeLongHead(response, head);
    else response.cork(() => response.writeStatus(head));
    this.#state.shelter.run(() => {
      response.upgrade({ socket }, this.#key, chosen, '', this.#context);
    });
    socket.announce();
  }
}
