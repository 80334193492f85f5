// The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): what a load balancer in front says
// about the client before the client's own bytes.

import { isIP } from 'node:net';
import type { Glance } from './first-bytes.ts';

/** The client's address, canonical; null when the balancer speaks for itself (UNKNOWN, LOCAL, unix sockets). */
export type ProxyHeader = Glance<string | null>;

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Longest line of version 1, CRLF included. */
const LINE_BYTES_MAX = 107;
/** Of version 2, with all that may follow the addresses. */
const V2_BYTES_MAX = 4096;
const V2_HEAD_BYTES = 16;
const LINE = /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5}))$/;

/** Reads the header at the start of what a connection has sent. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const isV2 = startsLike(bytes, SIGNATURE);
  if (isV2 === 'yes') return readV2(bytes);
  const isV1 = startsLike(bytes, Buffer.from('PROXY '));
  if (isV1 === 'yes') return readV1(bytes);
  return isV1 === 'perhaps' || isV2 === 'perhaps' ? 'more' : 'bad';
}

function startsLike(bytes: Buffer, wanted: Buffer): 'yes' | 'perhaps' | 'no' {
  const length = Math.min(bytes.length, wanted.length);
  if (!bytes.subarray(0, length).equals(wanted.subarray(0, length))) return 'no';
  return length === wanted.length ? 'yes' : 'perhaps';
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf('\r\n');
  if (end === -1) return bytes.length >= LINE_BYTES_MAX ? 'bad' : 'more';
  const match = LINE.exec(bytes.toString('latin1', 0, end));
  if (match === null) return 'bad';
  const [, family, address] = match;
  const endsAt = end + 2;
  if (family === undefined) return { value: null, endsAt };
  return isIP(address!) === Number(family) ? { value: canonical(address!), endsAt } : 'bad';
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_HEAD_BYTES) return 'more';
  const [versionAndCommand, family] = [bytes[12]!, bytes[13]!];
  const length = bytes.readUInt16BE(14);
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > 1 || length > V2_BYTES_MAX) return 'bad';
  const endsAt = V2_HEAD_BYTES + length;
  if (bytes.length < endsAt) return 'more';
  if (command === 0) return { value: null, endsAt };
  const addresses = bytes.subarray(V2_HEAD_BYTES, endsAt);
  switch (family >> 4) {
    case 1:
      if (length < 12) return 'bad';
      return { value: addresses.subarray(0, 4).join('.'), endsAt };
    case 2:
      if (length < 36) return 'bad';
      return { value: v6Text(addresses), endsAt };
    default:
      return { value: null, endsAt };
  }
}

function v6Text(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16));
  return canonical(groups.join(':'));
}

/** The text of RFC 5952, which the URL parser of the platform writes. */
function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
