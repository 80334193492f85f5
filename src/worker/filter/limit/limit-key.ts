// Whose requests are counted together.

import { cookieValue } from '../../../core/cookies.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';

/** Returns the key of an exchange; '' when it has none and is not counted. */
export type LimitKey = (exchange: Exchange) => string;

/** Makes a key of its description: `address`, `route`, `user`, `header:NAME` or `cookie:NAME`. */
export function compileLimitKey(description: string): LimitKey {
  const colon = description.indexOf(':');
  const name = description.slice(colon + 1);
  if (description.startsWith('header:')) {
    return ({ requestHeaders }) => headerValue(requestHeaders, name) ?? '';
  }
  if (description.startsWith('cookie:')) {
    return ({ requestHeaders }) => cookieValue(requestHeaders, name) ?? '';
  }
  if (description === 'user') return ({ user }) => user;
  if (description === 'route') return () => 'route';
  return ({ clientAddress }) => networkOf(clientAddress);
}

/**
 * Returns an IPv4 address itself and the /64 of an IPv6 one: one customer has at least that many addresses
 * (RFC 6177), and would have as many limits. IPv4 in IPv6 (`::ffff:…`) is IPv4.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = address.lastIndexOf(':');
  if (address.includes('.')) return address.slice(mapped + 1);
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length;
    while (groups.length + after < 8) groups.push('0');
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
