// HTTP/2 without TLS by prior knowledge (RFC 9113 section 3.3): its clients begin with a fixed text.

import type { Socket } from 'node:net';
import type { ListenerState } from './listener-state.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Looks at the first bytes of a connection and gives them back; `decided` is called once, unless the client
 * leaves, or takes longer than for a request head, before it can be told.
 */
export function sniffPreface(
  socket: Socket,
  { sweeper, settings }: Pick<ListenerState, 'sweeper' | 'settings'>,
  decided: (isHttp2: boolean) => void,
): void {
  let received = Buffer.alloc(0);
  let ticksLeft = sweeper.ticks(settings.requestHeadMs);
  const patience = {
    tick(): void {
      ticksLeft -= 1;
      if (ticksLeft <= 0) leave();
    },
  };
  const leave = (): void => {
    sweeper.remove(patience);
    socket.destroy();
  };
  const look = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const length = Math.min(received.length, PREFACE.length);
    const isLike = received.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (isLike && length < PREFACE.length) return;
    sweeper.remove(patience);
    socket.pause();
    socket.off('data', look);
    socket.off('error', leave);
    socket.off('end', leave);
    socket.unshift(received);
    decided(isLike);
    // An HTTP/2 session takes what waits in the socket by itself.
    if (!isLike) socket.resume();
  };
  sweeper.add(patience);
  socket.on('error', leave);
  socket.on('end', leave);
  socket.on('data', look);
}
