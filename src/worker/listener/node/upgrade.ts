// A client's request to upgrade to WebSocket over HTTP/1.1, until the peer has answered it, and what becomes
// of upgrades to anything else.

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RawHeaders } from '../../../core/headers.ts';
import type { WebSocketEvents, WebSocketOffer } from '../../../core/tunnel.ts';
import { HANDSHAKE_FIELDS } from '../handshake-fields.ts';
import type { ClientSink } from './client-sink.ts';
import { ClientWebSocket } from './client-websocket.ts';
import type { ListenerState } from './listener-state.ts';
import type { WebSocketWish } from './request-head.ts';
import { isSendableField } from './response-writer.ts';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

export interface UpgradeSettings {
  readonly wish: WebSocketWish;
  readonly socket: Socket;
  /** Takes the socket away from HTTP. */
  readonly prepare: () => void;
}

export class UpgradeOffer implements WebSocketOffer {
  readonly protocols: readonly string[];
  readonly #state: ListenerState;
  readonly #sink: ClientSink;
  readonly #settings: UpgradeSettings;

  constructor(state: ListenerState, sink: ClientSink, settings: UpgradeSettings) {
    this.#state = state;
    this.#sink = sink;
    this.#settings = settings;
    this.protocols = settings.wish.protocols;
  }

  accept(protocol: string, headers: RawHeaders, events: WebSocketEvents): void {
    const { wish, socket, prepare } = this.#settings;
    const client = new ClientWebSocket(this.#state, this.#sink, events);
    if (!this.#sink.give()) {
      client.announce();
      return;
    }
    this.#sink.exchange.status = 101;
    prepare();
    const accepted = createHash('sha1')
      .update(wish.key + KEY_SUFFIX)
      .digest('base64');
    let head =
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n' +
      `sec-websocket-accept: ${accepted}\r\n`;
    if (this.protocols.includes(protocol)) head += `sec-websocket-protocol: ${protocol}\r\n`;
    for (const [name, value] of endToEnd(headers)) head += `${name}: ${value}\r\n`;
    socket.write(`${head}\r\n`, 'latin1');
    client.open(socket);
  }
}

/** Returns the fields of a peer's handshake that are the client's to see. */
export function endToEnd(headers: RawHeaders): [string, string][] {
  const kept: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!];
    if (!HANDSHAKE_FIELDS.has(name) && isSendableField(name, value)) kept.push([name, value]);
  }
  return kept;
}

/** Notices that the client leaves while the peer is asked; returns how to stop. */
export function watchUntilUpgrade(socket: Socket): () => void {
  const look = (): void => {
    socket.read(0);
  };
  const leave = (): void => {
    socket.destroy();
  };
  socket.on('readable', look);
  socket.on('end', leave);
  return () => {
    socket.off('readable', look);
    socket.off('end', leave);
  };
}

/** Returns the head of a request once more, without its wish to upgrade. */
export function plainRequestOf(request: IncomingMessage): Buffer {
  const { method, url, httpVersionMinor, rawHeaders } = request;
  let head = `${method} ${url} HTTP/1.${httpVersionMinor}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toLowerCase() === 'upgrade') continue;
    head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  }
  return Buffer.from(`${head}\r\n`, 'latin1');
}
