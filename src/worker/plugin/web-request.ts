// A request as the web has it: made for routes that a handler answers, and nowhere else.

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { requestStream } from './request-stream.ts';

/** Body bytes that wait for a handler to read them. */
const BUFFER_BYTES = 64 * 1024;

export interface WebRequestOptions {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** The body broke off. */
  readonly onBodyFailed: (error: ProxyError) => void;
}

/** Returns the request. Throws a TypeError on what the web's interface forbids (TRACE, an odd host). */
export function webRequest(
  exchange: Exchange,
  { signal, onBodyFailed }: WebRequestOptions,
): Request {
  const { method, scheme, host, target, requestHeaders, requestBody } = exchange;
  const headers = new Headers();
  for (let at = 0; at < requestHeaders.length; at += 2) {
    headers.append(requestHeaders[at]!, requestHeaders[at + 1]!);
  }
  headers.set('host', host);
  const hasBody = requestBody !== null && method !== 'GET' && method !== 'HEAD';
  return new Request(`${scheme}://${host}${target}`, {
    method,
    headers,
    signal,
    ...(hasBody
      ? { body: requestStream(requestBody, BUFFER_BYTES, onBodyFailed), duplex: 'half' }
      : {}),
  });
}
