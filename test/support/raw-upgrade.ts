// A WebSocket handshake by hand, to see the very bytes of the answer.

import { connect } from 'node:net';
import { type Cleanup, until } from './deadline.ts';

/** Sends a handshake by hand and returns everything that comes back within the answer's time. */
export async function rawUpgrade(
  context: Cleanup,
  port: number,
  target: string,
  fields: string,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let reply = '';
  socket.setEncoding('latin1').on('data', (text) => {
    reply += text;
  });
  socket.on('error', () => {});
  context.after(() => socket.destroy());
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`,
    'latin1',
  );
  const isComplete = () => {
    const end = reply.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const length = /content-length: (\d+)/i.exec(reply)?.[1] ?? '0';
    return reply.length >= end + 4 + Number(length);
  };
  await until(isComplete, { what: `an answer to the handshake (${target})` });
  socket.destroy();
  return reply;
}
