// The other end of a connection as text.

import type { Socket } from 'node:net';

/** Returns the canonical address: IPv4 also where a dual-stack socket says `::ffff:`; '' when there is none. */
export function remoteAddressOf({ remoteAddress }: Socket): string {
  if (remoteAddress === undefined) return '';
  if (remoteAddress.startsWith('::ffff:') && remoteAddress.includes('.')) {
    return remoteAddress.slice('::ffff:'.length);
  }
  const zone = remoteAddress.indexOf('%');
  return zone === -1 ? remoteAddress : remoteAddress.slice(0, zone);
}

/** Returns the address and port that the client connected to, as a Host field has them. */
export function localAuthorityOf({ localAddress, localPort }: Socket): string {
  if (localAddress === undefined) return 'localhost';
  const plain = localAddress.startsWith('::ffff:') ? localAddress.slice(7) : localAddress;
  const host = plain.includes(':') ? `[${plain.split('%')[0]}]` : plain;
  return localPort === undefined ? host : `${host}:${localPort}`;
}
