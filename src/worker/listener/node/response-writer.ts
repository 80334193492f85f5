// How an answer stands on the wire: once for HTTP/1.x, once for HTTP/2.

import type { Exchange } from '../../../core/exchange.ts';
import type { RawHeaders } from '../../../core/headers.ts';

/** Whom a writer tells how its connection fares. */
export interface WriterOwner {
  /** There is room again. */
  drained(): void;
  /** The system has all of the answer. */
  flushed(): void;
  /** The client is gone, and did not get all of it. */
  lost(): void;
}

export interface HeadFraming {
  /** Bytes follow, or might. */
  readonly hasBody: boolean;
  /** No byte of the body is there yet: the head is not to wait for one. */
  readonly isAlone: boolean;
  /** Value of content-length, -1 for none. */
  readonly byteLength: number;
  /** Fields of this hop, besides those of the exchange. */
  readonly hopFields: RawHeaders;
  /** Nothing may follow on this connection; without a meaning in HTTP/2. */
  readonly closes: boolean;
}

/** One answer; calls after it is over do nothing. */
export interface ResponseWriter {
  /** The client reads fields after the body. */
  readonly takesTrailers: boolean;
  /** To be called before anything else. */
  attach(owner: WriterOwner): void;
  /** Answers that the client may go on with a body it has announced. */
  proceed(): void;
  /** Fields before the head; dropped where the client can't take them. */
  hint(fields: RawHeaders): void;
  head(exchange: Exchange, framing: HeadFraming): void;
  /** Copies the chunk; false: full, until `drained`. */
  write(chunk: Uint8Array): boolean;
  end(trailers: RawHeaders | null): void;
  /** Ends it so that nobody takes it for complete. */
  breakOff(): void;
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** Tells whether a field can stand in a message without splitting it. */
export function isSendableField(name: string, value: string): boolean {
  return NAME.test(name) && !FORBIDDEN.test(value);
}
