// Makes the header list that the peer gets out of what the client sent: one pass over the fields.

import type { Exchange } from '../../core/exchange.ts';
import {
  headerValue,
  KEPT_NAME_LENGTH_MAX,
  type RawHeaders,
  withoutFields,
} from '../../core/headers.ts';
import type { RequestHeadPolicy, TrustPolicy } from '../../core/plan.ts';
import { addForwarded, clientAddressOf, isClaim, schemeOf } from './forwarded.ts';
import { isHopByHop, namedByConnection } from './hop-by-hop.ts';

/** Makes ids for requests, and says which of those that others made may be kept. */
export interface RequestIds {
  next(): string;
  isValid(id: string): boolean;
}

/**
 * Settles who the client is and under which id the request runs, before any filter looks at it.
 * A trusted sender's X-Request-Id is kept when it is well-formed.
 */
export function identify(exchange: Exchange, trust: TrustPolicy, ids: RequestIds): void {
  if (trust.trustsAnybody && trust.has(exchange.remoteAddress)) {
    exchange.clientAddress = clientAddressOf(exchange, trust);
    exchange.scheme = schemeOf(exchange);
    const received = headerValue(exchange.requestHeaders, 'x-request-id');
    if (received !== undefined && ids.isValid(received)) {
      exchange.requestId = received;
      return;
    }
  }
  exchange.requestId = ids.next();
}

/** Returns the end-to-end fields for the peer, without Host and framing, which the transport adds. */
export function peerRequestHeaders(exchange: Exchange, policy: RequestHeadPolicy): RawHeaders {
  const received = exchange.requestHeaders;
  const headers: RawHeaders = [];
  let named: ReadonlySet<string> | null = null;
  let via = '';
  for (let at = 0; at < received.length; at += 2) {
    const name = received[at]!;
    const value = received[at + 1]!;
    if (name === 'connection') {
      const more = namedByConnection(value);
      if (more !== null) named = named === null ? more : new Set([...named, ...more]);
    } else if (name === 'via' && policy.via !== null) {
      via += `${value}, `;
    } else if (goesOn(name)) {
      headers.push(name, value);
    }
  }
  const kept = named === null ? headers : withoutFields(headers, named);
  if (policy.forwarded !== 'off') {
    const { trust } = policy;
    const believed = trust.trustsAnybody && trust.has(exchange.remoteAddress);
    addForwarded(kept, exchange, policy.forwarded, believed);
  }
  const { clientCertificate } = exchange.entry;
  if (clientCertificate !== undefined) {
    kept.push('x-forwarded-client-cert', clientCertificate);
  }
  kept.push('x-request-id', exchange.requestId);
  if (policy.via !== null) kept.push('via', `${via}1.1 ${policy.via}`);
  return policy.edits === null ? kept : policy.edits.apply(kept, exchange);
}

// Clients use few names; to know one costs a third of asking what may not go on.
const namesThatGoOn = new Set<string>();
const NAMES_KNOWN_MAX = 1000;

function goesOn(name: string): boolean {
  if (namesThatGoOn.has(name)) return true;
  if (isHopByHop(name) || isClaim(name)) return false;
  const isKept = name.length <= KEPT_NAME_LENGTH_MAX && namesThatGoOn.size < NAMES_KNOWN_MAX;
  if (isKept) namesThatGoOn.add(name);
  return true;
}
