// Whose requests are counted together.

import { claimOf, claimText, toByteString } from '../../../core/claims.ts';
import { cookieValue } from '../../../core/cookies.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import { networkOf } from '../../../std/network-of.ts';

/** Returns the key of an exchange; '' when it has none and is not counted. */
export type LimitKey = (exchange: Exchange) => string;

/** Tells whether a key is known only when credentials have been asked for. */
export function isOfCredentials(description: string): boolean {
  return description === 'user' || description.startsWith('claim:');
}

/** Makes a key of `address`, `route`, `user`, `header:NAME`, `cookie:NAME` or `claim:NAME`. */
export function compileLimitKey(description: string): LimitKey {
  const colon = description.indexOf(':');
  const name = description.slice(colon + 1);
  if (description.startsWith('header:')) {
    return ({ requestHeaders }) => headerValue(requestHeaders, name) ?? '';
  }
  if (description.startsWith('cookie:')) {
    return ({ requestHeaders }) => cookieValue(requestHeaders, name) ?? '';
  }
  if (description.startsWith('claim:')) {
    return ({ claims }) => (claims === null ? '' : toByteString(claimText(claimOf(claims, name))));
  }
  if (description === 'user') return ({ user }) => user;
  if (description === 'route') return () => 'route';
  return ({ clientAddress }) => networkOf(clientAddress);
}
