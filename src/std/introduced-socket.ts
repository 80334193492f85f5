// A TCP connection on which something is said before all else, also before TLS.

import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';

/** Says what a connection begins with, as a byte string; the connection is there. */
export type Introduction = (socket: Socket) => string;

/**
 * Connects, and says `introduce` before whoever listens to `connect` learns of it. What is written before
 * that would come first.
 */
export function connectIntroduced(options: TcpNetConnectOpts, introduce: Introduction): Socket {
  // One address is tried: TLS on top of it could not follow to another.
  const socket = connect({ ...options, autoSelectFamily: false });
  socket.once('connect', () => socket.write(introduce(socket), 'latin1'));
  return socket;
}
