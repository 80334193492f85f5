// The kernel's table of TCP connections, as Linux shows it: who is connected to a port of this host, over all
// processes that share it.

import { readFile } from 'node:fs/promises';

const FILES = ['/proc/net/tcp', '/proc/net/tcp6'];
const ESTABLISHED = '01';
/** `12: 0100007F:1F90 0200007F:C350 01 …`: number, this end, other end, state. */
const LINE = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) /gm;

/** Returns the addresses at the other end of all connections to `port`; null where there is no such table. */
export async function connectedTo(port: number): Promise<string[] | null> {
  const texts = await Promise.all(FILES.map((file) => readFile(file, 'latin1').catch(() => null)));
  const known = texts.filter((text) => text !== null);
  return known.length === 0 ? null : known.flatMap((text) => parseTcpTable(text, port));
}

/** Returns the addresses of the connections to `port` in a table. */
export function parseTcpTable(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const addresses: string[] = [];
  for (const [, own, other, state] of table.matchAll(LINE)) {
    if (own === wanted && state === ESTABLISHED) addresses.push(readAddress(other!));
  }
  return addresses;
}

/** Words of 32 bits in the byte order of the machine; all that Node runs on today is little-endian. */
function readAddress(hex: string): string {
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = word + 6; at >= word; at -= 2)
      bytes.push(Number.parseInt(hex.slice(at, at + 2), 16));
  }
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) {
    return bytes.slice(12).join('.');
  }
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((bytes[at]! * 256 + bytes[at + 1]!).toString(16));
  return groups.join(':');
}
