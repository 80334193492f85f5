// The connection of a check: TCP or a unix socket, TLS where the peer has it, a PROXY header where it wants
// one.

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { localProxyHeader } from '../../core/proxy-header.ts';
import type { CheckTarget } from './check-target.ts';

/** Begins to connect. */
export function openCheckSocket(target: CheckTarget): Socket {
  const { hostname: host, port, path, secure, sendProxy } = target;
  if (path !== null) return connectTcp({ path });
  if (sendProxy === 'off') {
    return secure ? connectTls({ host, port, ...tlsOptions(target) }) : connectTcp({ host, port });
  }
  // One address is tried: TLS on top of it could not follow to another.
  const socket = connectTcp({ host, port, autoSelectFamily: false });
  socket.write(localProxyHeader(sendProxy), 'latin1');
  return secure ? connectTls({ host, socket, ...tlsOptions(target) }) : socket;
}

/** Returns the options of a TLS connection to the target. */
function tlsOptions({ hostname, tls }: CheckTarget) {
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    // Also what the certificate must be for; an address is not sent as a name (RFC 6066 section 3).
    servername: tls.serverName ?? (/^[\d.]+$|:/.test(hostname) ? '' : hostname),
  };
}
