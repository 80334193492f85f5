// Who the client is, and how the peer is told: X-Forwarded-*, X-Real-IP and Forwarded (RFC 7239).
// Nobody's word is taken but that of the operator's own proxies; lists are read from the right.

import type { Exchange } from '../../core/exchange.ts';
import { foldedName, headerValue, type RawHeaders } from '../../core/headers.ts';
import type { TrustPolicy } from '../../core/plan.ts';

/** Names by which clients might lie about themselves, besides everything that begins `x-forwarded-`. */
const CLAIMS: ReadonlySet<string> = new Set([
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'x-request-id',
]);

const TOLD: readonly string[] = ['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'];
/** What Forwarded says of anything but addresses: another one of those for each client. */
const TOLD_PAIR = /\b(?!for=|by=)[a-z-]+=(?:"[^"]*"|[^;,\s]*)/gi;

/** Tells whether a field claims something about the client or its way here. */
export function isClaim(name: string): boolean {
  const plain = foldedName(name);
  return plain.startsWith('x-forwarded-') || CLAIMS.has(plain);
}

/**
 * Returns the client's address: the connection's own, or, when that is a trusted proxy, the rightmost
 * address in its X-Forwarded-For (else Forwarded) list that is not trusted itself. An entry that is not
 * an address ends the search at the last believable one.
 */
export function clientAddressOf(exchange: Exchange, trust: TrustPolicy): string {
  const remote = exchange.remoteAddress;
  if (!trust.has(remote)) return remote;
  const hops = forwardedFor(exchange.requestHeaders);
  let client = remote;
  for (let at = hops.length - 1; at >= 0; at--) {
    const address = hops[at]!;
    if (address === '') return client;
    client = address;
    if (!trust.has(address)) return client;
  }
  return client;
}

/** Returns how the client came, from a trusted sender's word where it gave one. */
export function schemeOf({ requestHeaders, entry }: Exchange): 'http' | 'https' {
  const told = headerValue(requestHeaders, 'x-forwarded-proto');
  return told === 'http' || told === 'https' ? told : entry.scheme;
}

/** Appends the forwarding fields for the peer. `believed`: the sender is trusted, its lists go on. */
export function addForwarded(
  headers: RawHeaders,
  exchange: Exchange,
  mode: 'x-forwarded' | 'rfc7239' | 'both',
  believed: boolean,
): void {
  const received = exchange.requestHeaders;
  const { entry, host, remoteAddress } = exchange;
  if (mode !== 'rfc7239') {
    const port = String(entry.port);
    headers.push(
      'x-forwarded-for',
      believed ? appended(received, 'x-forwarded-for', remoteAddress) : remoteAddress,
      'x-forwarded-host',
      (believed && headerValue(received, 'x-forwarded-host')) || host,
      'x-forwarded-proto',
      (believed && headerValue(received, 'x-forwarded-proto')) || entry.scheme,
      'x-forwarded-port',
      (believed && headerValue(received, 'x-forwarded-port')) || port,
      'x-real-ip',
      exchange.clientAddress,
    );
  }
  if (mode !== 'x-forwarded') {
    const element = forwardedElement(remoteAddress, host, entry.scheme);
    headers.push('forwarded', believed ? appended(received, 'forwarded', element) : element);
  }
}

/**
 * Returns what `addForwarded` passes on of a trusted sender's word on host, scheme and port, one line feed
 * before each part; '' when it said nothing.
 */
export function toldBy(
  { requestHeaders }: Exchange,
  mode: 'x-forwarded' | 'rfc7239' | 'both',
): string {
  let told = '';
  for (const name of mode === 'rfc7239' ? [] : TOLD) {
    const value = headerValue(requestHeaders, name);
    if (value !== undefined) told += `\n${name}=${value}`;
  }
  for (let at = 0; at < requestHeaders.length && mode !== 'x-forwarded'; at += 2) {
    if (requestHeaders[at] !== 'forwarded') continue;
    for (const [pair] of requestHeaders[at + 1]!.matchAll(TOLD_PAIR)) told += `\n${pair}`;
  }
  return told;
}

// The last element, with what it was made of: requests of one client to one host come in rows.
const last = { address: '', host: '', scheme: '', element: '' };

/** Returns one element of Forwarded; IPv6 and ports need quotes (RFC 7239 section 4). */
function forwardedElement(address: string, host: string, scheme: string): string {
  if (address !== last.address || host !== last.host || scheme !== last.scheme) {
    const from = address.includes(':') ? `"[${address}]"` : address;
    last.element = `for=${from};host=${host.includes(':') ? `"${host}"` : host};proto=${scheme}`;
    last.address = address;
    last.host = host;
    last.scheme = scheme;
  }
  return last.element;
}

/** Returns all values of a list field joined, with one more at the end. */
function appended(headers: RawHeaders, name: string, last: string): string {
  let list = '';
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name && headers[at + 1] !== '') list += `${headers[at + 1]}, `;
  }
  return list + last;
}

/** Returns the addresses that earlier hops reported, '' for those that are none. */
function forwardedFor(headers: RawHeaders): string[] {
  const hops: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'x-forwarded-for') continue;
    for (const part of headers[at + 1]!.split(',')) hops.push(addressIn(part));
  }
  if (hops.length > 0) return hops;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'forwarded') continue;
    for (const element of headers[at + 1]!.split(',')) {
      const pair = /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s]*)/i.exec(element);
      hops.push(pair === null ? '' : addressIn(pair[1]!.replaceAll('"', '')));
    }
  }
  return hops;
}

/** Returns the bare address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`, or ''. */
function addressIn(text: string): string {
  const trimmed = text.trim();
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/i.exec(trimmed);
  if (bracketed !== null) return bracketed[1]!.toLowerCase();
  if (/^[0-9.]+(?::\d{1,5})?$/.test(trimmed)) return trimmed.split(':')[0]!;
  return /^[0-9a-f:.]+$/i.test(trimmed) && trimmed.includes(':') ? trimmed.toLowerCase() : '';
}
