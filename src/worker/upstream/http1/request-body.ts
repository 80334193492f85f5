// How a request body stands on the wire: with the head in one string when it is small and complete, else
// piece by piece.

import type { Exchange } from '../../../core/exchange.ts';
import type { RawHeaders } from '../../../core/headers.ts';
import type { RequestBody } from '../../../core/request-body.ts';
import { isTrailerField } from '../../../core/trailers.ts';

/** Complete bodies up to this size go out in one write with the head. */
export const JOINED_BODY_BYTES_MAX = 16 * 1024;

/** Returns what ends a chunked body; `trailers` are the client's, which are checked like its head was. */
export function lastChunk(trailers: RawHeaders | null | undefined): string {
  if (trailers === null || trailers === undefined) return LAST_CHUNK;
  let text = '0\r\n';
  for (let at = 0; at < trailers.length; at += 2) {
    const [name, value] = [trailers[at]!, trailers[at + 1]!];
    const isPlain = NAME.test(name) && !CONTROL.test(value);
    if (isPlain && isTrailerField(name)) text += `${name}: ${value}${CRLF}`;
  }
  return text + CRLF;
}

const LAST_CHUNK = '0\r\n\r\n';
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const CONTROL = /[^\t\x20-\x7e\x80-\xff]/;

const CRLF = '\r\n';

/** Only these may share a connection with others in flight: safe to repeat, and sent in one piece. */
export function isPipelineable(exchange: Exchange): boolean {
  return exchange.requestBody === null && (exchange.method === 'GET' || exchange.method === 'HEAD');
}

/** Returns a complete body as the text that follows the head. */
export function joinedBody(
  complete: Uint8Array,
  { byteLength, trailers }: Pick<RequestBody, 'byteLength' | 'trailers'>,
): string {
  const text = Buffer.from(complete.buffer, complete.byteOffset, complete.length).toString(
    'latin1',
  );
  if (byteLength >= 0) return text;
  const last = lastChunk(trailers);
  return text === '' ? last : `${text.length.toString(16)}${CRLF}${text}${CRLF}${last}`;
}

/** Most bytes that a size line and the end of a chunk add to its data. */
export const CHUNK_OVERHEAD_BYTES = 16;

/** Writes the data with its size line and end into `target`; returns the bytes written. */
export function writeChunk(data: Uint8Array, target: Buffer): number {
  const start = target.write(`${data.length.toString(16)}${CRLF}`, 0, 'latin1');
  target.set(data, start);
  return start + data.length + target.write(CRLF, start + data.length, 'latin1');
}
