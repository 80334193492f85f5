// How a response is framed for the client. The engine offers four ways, each with its own call.

import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';

/**
 * - none: no body (HEAD, 204, 304): `endWithoutBody()`
 * - whole: all of it is here, and small: `end()`
 * - sized: length declared: `tryEnd()`
 * - chunked: length unknown: `write()`, `end()`
 */
export type Framing = 'undecided' | 'none' | 'whole' | 'sized' | 'chunked';

/**
 * Fits into the engine's 16 KiB for one cork together with the longest head; more than fits could get
 * lost when the socket is full (FACTS, finding 2), which `tryEnd` alone tells us.
 */
export const WHOLE_BYTES_MAX = 6 * 1024;

/**
 * Chooses the framing. `firstBytes`: length of the first chunk, 0 when the body has ended without any.
 * `mustEnd`: nothing may follow on this connection, see client-sink.
 */
export function chooseFraming(exchange: Exchange, firstBytes: number, mustEnd: boolean): Framing {
  if (hasNoBody(exchange)) return 'none';
  const total = exchange.responseByteLength;
  if (firstBytes === 0) return 'whole';
  if (firstBytes === total && total <= WHOLE_BYTES_MAX) return 'whole';
  return total > 0 && !mustEnd ? 'sized' : 'chunked';
}

/** The Content-Length that must be written by hand (RFC 9110 section 8.6), or ''. */
export function declaredLength(exchange: Exchange): string {
  const { status, responseByteLength } = exchange;
  if (responseByteLength < 0 || status === 204 || !hasNoBody(exchange)) return '';
  return `\r\ncontent-length: ${responseByteLength}`;
}

/** Whether a response to `exchange` can't have a body (RFC 9112 section 6.3). */
export function hasNoBody({ method, status }: Exchange): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

/** Whether the client waits for events, and for the head before the first of them. */
export function isEventStream(exchange: Exchange): boolean {
  if (exchange.responseByteLength !== -1 || hasNoBody(exchange)) return false;
  const type = headerValue(exchange.responseHeaders, 'content-type');
  return type?.startsWith('text/event-stream') === true;
}

/** What the engine would put at the end of a head, where it is not asked to. */
export function dateAndEnd(): string {
  return `\r\ndate: ${new Date().toUTCString()}\r\n`;
}
