// What a hash balancer goes by: one part of the request as text. '' when the request does not have it;
// such requests are spread by the client's address, so that they do not all meet on one peer.

import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';

export type HashKey =
  | { readonly by: 'address' | 'path' }
  | { readonly by: 'header' | 'cookie' | 'query'; readonly name: string };

/** Reads a key as configured: 'address', 'path' or 'header:NAME', 'cookie:NAME', 'query:NAME'. */
export function parseHashKey(text: string): HashKey {
  const colon = text.indexOf(':');
  if (colon === -1) return { by: text === 'path' ? 'path' : 'address' };
  const by = text.slice(0, colon);
  const name = text.slice(colon + 1);
  return { by: by === 'cookie' || by === 'query' ? by : 'header', name };
}

/** Returns the text to hash for this exchange. */
export function hashText(exchange: Exchange, key: HashKey): string {
  return partOf(exchange, key) || exchange.clientAddress;
}

function partOf(exchange: Exchange, key: HashKey): string {
  switch (key.by) {
    case 'address':
      return exchange.clientAddress;
    case 'path': {
      const query = exchange.target.indexOf('?');
      return query === -1 ? exchange.target : exchange.target.slice(0, query);
    }
    case 'header':
      return headerValue(exchange.requestHeaders, key.name) ?? '';
    case 'cookie':
      return cookieValue(exchange, key.name);
    case 'query':
      return queryValue(exchange.target, key.name);
  }
}

/** Returns the value of a cookie as sent (RFC 6265 section 4.2), '' when there is none. */
export function cookieValue(exchange: Exchange, name: string): string {
  const headers = exchange.requestHeaders;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie') continue;
    const found = pairValue(headers[at + 1]!, name, ';');
    if (found !== null) return found;
  }
  return '';
}

function queryValue(target: string, name: string): string {
  const query = target.indexOf('?');
  return query === -1 ? '' : (pairValue(target.slice(query + 1), name, '&') ?? '');
}

/** Finds `name=value` in a list without splitting it. */
function pairValue(list: string, name: string, separator: string): string | null {
  let start = 0;
  while (start < list.length) {
    let end = list.indexOf(separator, start);
    if (end === -1) end = list.length;
    while (list.charCodeAt(start) === 0x20) start++;
    if (list.startsWith(name, start) && list.charCodeAt(start + name.length) === 0x3d) {
      return list.slice(start + name.length + 1, end);
    }
    start = end + 1;
  }
  return null;
}
