// The PROXY protocol as Sluice speaks it to peers, versions 1 and 2 (HAProxy's proxy-protocol.txt): what is
// said at the start of a connection about the client that it is for. Reading it is the listener's.

import { v4Octets, v6Octets } from './address-octets.ts';
import type { Exchange } from './exchange.ts';

/** How peers are told; `off`: they are not. */
export type SendProxy = 'off' | 'v1' | 'v2';

/** The end of a connection that a peer sees. */
export interface OwnEnd {
  /** IP address; left out when the connection is gone already. */
  readonly localAddress?: string | undefined;
}

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const COMMAND_LOCAL = 0x20;
const COMMAND_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const TLV_UNIQUE_ID = 0x05;
const TLV_SSL = 0x20;
const SUB_TLV_COMMON_NAME = 0x22;
const CLIENT_SSL = 0x01;
/** On this connection, and in this session. */
const CLIENT_HAS_CERTIFICATE = 0x02 | 0x04;
/** The port of clients is not known everywhere (other proxies do not tell it), so it never is. */
const NO_PORT = 0;

/**
 * Tells for whom a connection is: equal texts may share one. All that `proxyHeader` says but the id is in
 * it.
 */
export function proxyIdentity({ clientAddress, scheme, entry }: Exchange): string {
  return `${clientAddress} ${scheme} ${entry.port} ${entry.clientCertificate ?? ''}`;
}

/** Returns the header of a connection for `exchange` as a byte string. */
export function proxyHeader(version: 'v1' | 'v2', exchange: Exchange, own: OwnEnd): string {
  const client = exchange.clientAddress;
  const server = own.localAddress ?? '';
  if (client === '' || server === '') return localProxyHeader(version);
  const isV6 = client.includes(':') || server.includes(':');
  const { port } = exchange.entry;
  if (version === 'v1') {
    const [from, to] = [client, server].map((one) => (isV6 ? mapped(one) : one));
    return `PROXY TCP${isV6 ? 6 : 4} ${from} ${to} ${NO_PORT} ${port}\r\n`;
  }
  const octets = isV6 ? v6Octets : v4Octets;
  const addresses = octets(client) + octets(server) + u16(NO_PORT) + u16(port);
  const extras = tlv(TLV_UNIQUE_ID, exchange.requestId) + tlsPart(exchange);
  return version2(COMMAND_PROXY, isV6 ? TCP_OVER_IPV6 : TCP_OVER_IPV4, addresses + extras);
}

/** Returns the header of a connection that is for nobody but Sluice itself, as a byte string. */
export function localProxyHeader(version: 'v1' | 'v2'): string {
  return version === 'v1' ? 'PROXY UNKNOWN\r\n' : version2(COMMAND_LOCAL, 0, '');
}

function version2(command: number, family: number, rest: string): string {
  return SIGNATURE + String.fromCharCode(command, family) + u16(rest.length) + rest;
}

/** That the client came by TLS, and who it is by its certificate. */
function tlsPart({ scheme, entry }: Exchange): string {
  if (scheme !== 'https') return '';
  const certificate = entry.clientCertificate ?? null;
  const flags = certificate === null ? CLIENT_SSL : CLIENT_SSL | CLIENT_HAS_CERTIFICATE;
  // Zero only for a certificate that was verified; others get no exchange.
  const verified = `\0\0\0${certificate === null ? '\x01' : '\0'}`;
  const name = /;Subject="CN=([^",]{1,128})[",]/.exec(certificate ?? '')?.[1];
  const named = name === undefined ? '' : tlv(SUB_TLV_COMMON_NAME, name);
  return tlv(TLV_SSL, String.fromCharCode(flags) + verified + named);
}

function tlv(type: number, value: string): string {
  return value === '' ? '' : String.fromCharCode(type) + u16(value.length) + value;
}

function u16(value: number): string {
  return String.fromCharCode((value >> 8) & 0xff, value & 0xff);
}

function mapped(address: string): string {
  return address.includes(':') ? address : `::ffff:${address}`;
}
