// A real `ws` server as the peer.

import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { type Cleanup, until } from '../../../support/deadline.ts';

export interface PeerServer {
  readonly port: number;
  readonly sockets: WebSocket[];
  readonly requests: IncomingMessage[];
  /** What the sockets received, as `text:…` or `binary:…`, `ping …`, `close CODE REASON`. */
  readonly heard: string[];
  /** Waits for the socket with this index. */
  socket(index?: number): Promise<WebSocket>;
}

export async function startPeer(
  context: Cleanup,
  options: ServerOptions = {},
  onSocket: (socket: WebSocket) => void = () => {},
): Promise<PeerServer> {
  const sockets: WebSocket[] = [];
  const requests: IncomingMessage[] = [];
  const heard: string[] = [];
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    maxPayload: 2 ** 25,
    ...options,
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  server.on('connection', (socket, request) => {
    sockets.push(socket);
    requests.push(request);
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      const shown = bytes.length < 1000 ? bytes.toString() : `${bytes.length} bytes`;
      heard.push(`${isBinary ? 'binary' : 'text'}:${shown}`);
    });
    socket.on('ping', (payload: Buffer) => heard.push(`ping ${payload}`));
    socket.on('close', (code, reason) => heard.push(`close ${code} ${reason}`));
    socket.on('error', () => {});
    onSocket(socket);
  });
  context.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    requests,
    heard,
    async socket(index = 0) {
      await until(() => sockets.length > index, { what: `socket ${index} at the peer` });
      return sockets[index]!;
    },
  };
}
