// What a successful unsafe request makes invalid (RFC 9111 section 4.4): its own URL, and those that the
// answer names when they are of the same origin; groups of answers besides (RFC 9875 section 3).

import type { PurgeCommand } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import { type CacheKeys, originOf } from './cache-key.ts';
import { invalidatedGroups } from './tags.ts';

const SAFE: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'SEARCH',
  'QUERY',
]);

/** Returns what the answer in `exchange` invalidates; usually nothing. */
export function invalidatedBy(exchange: Exchange, keys: CacheKeys): readonly PurgeCommand[] {
  const { method, status, scheme, host, target: sent, receivedTarget, responseHeaders } = exchange;
  if (SAFE.has(method) || status < 200 || status >= 400) return [];
  const origin = originOf(scheme, host);
  // `//a` changes what `/a` means, which is what the peer was sent.
  const targets = [receivedTarget, sent];
  for (const name of ['location', 'content-location']) {
    const target = sameOrigin(headerValue(responseHeaders, name), origin, receivedTarget);
    if (target !== null) targets.push(target);
  }
  const urls = new Set<string>();
  for (const target of targets) urls.add(`${origin}${target}`).add(keys.urlOf(exchange, target));
  const commands: PurgeCommand[] = [];
  for (const value of urls) commands.push({ kind: 'url', value, isSoft: false });
  for (const value of invalidatedGroups(responseHeaders, origin)) {
    commands.push({ kind: 'tag', value, isSoft: false });
  }
  return commands;
}

/** Returns the target that a reference means, when it is of that origin (nobody purges for others). */
function sameOrigin(reference: string | undefined, origin: string, target: string): string | null {
  if (reference === undefined) return null;
  try {
    const url = new URL(reference, `${origin}${target}`);
    return url.origin === new URL(origin).origin ? `${url.pathname}${url.search}` : null;
  } catch {
    return null;
  }
}
