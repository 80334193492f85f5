// The first bytes of a connection, looked at before it is known who speaks what: the PROXY protocol, and the
// preface by which clients begin HTTP/2 without TLS (RFC 9113 section 3.3).

import type { Socket } from 'node:net';
import type { Swept } from '../sweeper.ts';
import type { ListenerState } from './listener-state.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** What the bytes so far tell: `more` are needed, they are `bad`, or a value and where the rest begins. */
export type Glance<Value> = 'more' | 'bad' | { readonly value: Value; readonly endsAt: number };

/**
 * Shows `look` all bytes that have come until it knows, and gives the rest back to the socket, which is
 * paused then; `decided` is called once, unless they are bad, the client leaves, or takes longer than for a
 * request head: then the socket is closed.
 */
export function readFirst<Value>(
  socket: Socket,
  { sweeper, settings }: Pick<ListenerState, 'sweeper' | 'settings'>,
  look: (received: Buffer) => Glance<Value>,
  decided: (value: Value) => void,
): void {
  let received = Buffer.alloc(0);
  let ticksLeft = sweeper.ticks(settings.requestHeadMs);
  const patience: Swept = {
    tick() {
      ticksLeft -= 1;
      if (ticksLeft <= 0) leave();
    },
  };
  const leave = (): void => {
    sweeper.remove(patience);
    socket.destroy();
  };
  const take = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const glance = look(received);
    if (glance === 'more') return;
    if (glance === 'bad') {
      leave();
      return;
    }
    sweeper.remove(patience);
    socket.pause();
    socket.off('data', take);
    socket.off('error', leave);
    socket.off('end', leave);
    if (glance.endsAt < received.length) socket.unshift(received.subarray(glance.endsAt));
    decided(glance.value);
  };
  sweeper.add(patience);
  socket.on('error', leave);
  socket.on('end', leave);
  socket.on('data', take);
  socket.resume();
}

/** Tells whether a connection begins HTTP/2; the preface stays where it is. */
export function isPreface(received: Buffer): Glance<boolean> {
  const length = Math.min(received.length, PREFACE.length);
  const isLike = received.subarray(0, length).equals(PREFACE.subarray(0, length));
  return isLike && length < PREFACE.length ? 'more' : { value: isLike, endsAt: 0 };
}
