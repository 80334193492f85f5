// Tells the end of a TCP connection from a reset that looks like one.
//
// libuv takes the hang-up of a reset for an end when it comes together with the last bytes, or while nobody
// reads, and never asks the kernel for the error. But a connection that was reset has no peer any more.

import type { Socket } from 'node:net';

/**
 * Tells whether `socket`, which reports its end, was reset. To be asked by one who has not looked at its
 * `remoteAddress` before: Node keeps that.
 */
export function wasReset(socket: Socket): boolean {
  return socket.remoteAddress === undefined;
}
