// A client's request for a WebSocket over HTTP/2 (RFC 8441), until the peer has answered it.

import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { RawHeaders } from '../../../core/headers.ts';
import type { WebSocketEvents, WebSocketOffer } from '../../../core/tunnel.ts';
import type { ClientSink } from './client-sink.ts';
import { ClientWebSocket } from './client-websocket.ts';
import type { ListenerState } from './listener-state.ts';
import type { WebSocketWish } from './request-head.ts';
import { endToEnd } from './upgrade.ts';

export interface StreamOfferSettings {
  readonly wish: WebSocketWish;
  readonly stream: ServerHttp2Stream;
}

export class StreamOffer implements WebSocketOffer {
  readonly protocols: readonly string[];
  readonly #state: ListenerState;
  readonly #sink: ClientSink;
  readonly #stream: ServerHttp2Stream;

  constructor(state: ListenerState, sink: ClientSink, { wish, stream }: StreamOfferSettings) {
    this.#state = state;
    this.#sink = sink;
    this.#stream = stream;
    this.protocols = wish.protocols;
  }

  accept(protocol: string, headers: RawHeaders, events: WebSocketEvents): void {
    const client = new ClientWebSocket(this.#state, this.#sink, events);
    if (!this.#sink.give() || this.#stream.destroyed) {
      client.announce();
      return;
    }
    this.#sink.exchange.status = 200;
    const fields: OutgoingHttpHeaders = { ':status': 200 };
    for (const [name, value] of endToEnd(headers)) {
      const before = fields[name];
      if (before === undefined) fields[name] = value;
      else fields[name] = [before, value].flat().map(String);
    }
    if (this.protocols.includes(protocol)) fields['sec-websocket-protocol'] = protocol;
    this.#stream.respond(fields);
    client.open(this.#stream);
  }
}
