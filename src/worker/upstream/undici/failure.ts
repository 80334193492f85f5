// Which row of the table an error of undici is.

import { codeOf, connectFailure } from '../../../core/connect-failure.ts';
import { type FailureCode, ProxyError } from '../../../core/errors.ts';

const BY_CODE: Readonly<Record<string, FailureCode>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'head_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'response_head_too_large',
  UND_ERR_BODY_TIMEOUT: 'body_timeout',
  // What undici will not write: a method, target or field that is not valid HTTP.
  UND_ERR_INVALID_ARG: 'bad_request',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'bad_framing',
  UND_ERR_CLOSED: 'draining',
  UND_ERR_DESTROYED: 'draining',
};

/** RFC 9113 section 7: the peer has not looked at the request. */
const REFUSED_STREAM = 7;

/** How far the attempt had come when the error arrived. */
export type Progress = 'connecting' | 'waiting' | 'receiving';

/** Returns the row for `error`; `secure` tells that the peer's URL is https. */
export function toProxyError(error: Error, progress: Progress, secure: boolean): ProxyError {
  const code = codeOf(error);
  const row = BY_CODE[code];
  if (row !== undefined) return new ProxyError(row, error.message);
  if (progress === 'connecting') return connectFailure(error, secure);
  const detail = `${code} ${error.message}`.trim();
  if (progress === 'receiving') return new ProxyError('body_broken', detail);
  if (isBadResponse(error)) return new ProxyError('bad_response', detail);
  // Any method may be repeated: the peer says that it did not process the request.
  if (isUnprocessed(error)) return new ProxyError('connect_failed', detail);
  return new ProxyError('peer_reset', detail);
}

/** Tells whether the error looks like a kept connection that the peer had closed meanwhile. */
export function isStaleConnection(error: Error): boolean {
  const code = codeOf(error);
  if (code === 'ECONNRESET' || code === 'EPIPE') return true;
  return code === 'UND_ERR_SOCKET' && !isBadResponse(error);
}

/**
 * Parser errors come without a code; and of all that ends a socket, which is one class in undici, only the
 * text tells these from a plain close.
 */
function isBadResponse(error: Error): boolean {
  if (error.name === 'HTTPParserError' || codeOf(error).startsWith('HPE_')) return true;
  // The parser's error names the length when the head breaks off after a Content-Length field.
  if (codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return true;
  return error.message === 'bad response' || error.message === 'bad upgrade';
}

function isUnprocessed(error: Error): boolean {
  const { http2ErrorCode } = error as { http2ErrorCode?: unknown };
  return http2ErrorCode === REFUSED_STREAM || error.message.includes('"GOAWAY" frame');
}
