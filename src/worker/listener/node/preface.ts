// HTTP/2 without TLS by prior knowledge (RFC 9113 section 3.3): its clients begin with a fixed text.

import type { Socket } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Looks at the first bytes of a connection and gives them back; `decided` is called once, unless the client
 * leaves, or takes longer than `limitMs`, before it can be told.
 */
export function sniffPreface(
  socket: Socket,
  limitMs: number,
  decided: (isHttp2: boolean) => void,
): void {
  let received = Buffer.alloc(0);
  const leave = (): void => {
    socket.destroy();
  };
  const look = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const length = Math.min(received.length, PREFACE.length);
    const isLike = received.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (isLike && length < PREFACE.length) return;
    socket.pause();
    socket.off('data', look);
    socket.off('error', leave);
    socket.off('end', leave);
    socket.off('timeout', leave);
    socket.setTimeout(0);
    socket.unshift(received);
    decided(isLike);
    // An HTTP/2 session takes what waits in the socket by itself.
    if (!isLike) socket.resume();
  };
  socket.setTimeout(limitMs);
  socket.on('timeout', leave);
  socket.on('error', leave);
  socket.on('end', leave);
  socket.on('data', look);
}
