// Whose requests are counted together.

import { cookieValue } from '../../../core/cookies.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import { networkOf } from '../../../std/network-of.ts';

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
