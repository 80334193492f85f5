// Opens the TCP or TLS connection for a handshake. The time limits are the handshake's own.

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Peer } from '../../core/peer.ts';
import { connectIntroduced, type Introduction } from '../../std/introduced-socket.ts';
import type { TunnelOptions } from './options.ts';

/** A peer that vanished without a word is noticed after some such intervals. */
const KEEP_ALIVE_PROBE_MS = 60_000;

export interface PeerSocketOptions {
  readonly options: TunnelOptions;
  /** Comes before everything else; null for nothing. */
  readonly introduce: Introduction | null;
  /** The connection (TLS included) can be written to. */
  readonly onReady: () => void;
}

/** Starts connecting. */
export function openPeerSocket(
  peer: Peer,
  { options, introduce, onReady }: PeerSocketOptions,
): Socket {
  const { scheme, hostname: host, port } = peer.address;
  const basics = { host, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS };
  const open = () => {
    const plain = { ...basics, noDelay: true };
    return introduce === null ? connectTcp(plain) : connectIntroduced(plain, introduce);
  };
  if (scheme === 'http') return open().once('connect', onReady);
  const { ca, cert, key, serverName, verify } = options.tls;
  const name = serverName ?? host;
  const socket = connectTls({
    ...basics,
    ...(introduce === null ? {} : { socket: open() }),
    // An address can't be sent as SNI; Node compares it with the certificate all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(ca === null ? {} : { ca }),
    ...(cert && key ? { cert, key } : {}),
    rejectUnauthorized: verify,
    ALPNProtocols: ['http/1.1'],
  });
  socket.setNoDelay(true);
  return socket.once('secureConnect', onReady);
}
