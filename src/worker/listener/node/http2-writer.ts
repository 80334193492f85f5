// An answer in HTTP/2: one stream of a session.

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Exchange } from '../../../core/exchange.ts';
import type { RawHeaders } from '../../../core/headers.ts';
import {
  type HeadFraming,
  isSendableField,
  type ResponseWriter,
  type WriterOwner,
} from './response-writer.ts';

const { NGHTTP2_NO_ERROR } = constants;

/** Must not stand in an HTTP/2 message (RFC 9113 section 8.2.2); node throws at them. */
const OF_ONE_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
]);

export interface Http2WriterOptions {
  readonly takesTrailers: boolean;
  /** The request may have more to it than its head. */
  readonly hasInput: boolean;
}

export class Http2Writer implements ResponseWriter {
  readonly takesTrailers: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #hasInput: boolean;
  #owner: WriterOwner | null = null;
  #trailers: RawHeaders = [];
  /** The answer is complete as far as we are concerned. */
  #hasEnded = false;
  #awaitsDrain = false;
  #hasBrokenOff = false;

  constructor(stream: ServerHttp2Stream, { takesTrailers, hasInput }: Http2WriterOptions) {
    this.#stream = stream;
    this.takesTrailers = takesTrailers;
    this.#hasInput = hasInput;
  }

  // Listening is dear: node tells each stream of each listener.
  attach(owner: WriterOwner): void {
    this.#owner = owner;
    if (this.#hasInput) this.#stream.on('finish', () => this.#finished());
  }

  /** The client has reset the stream, or made nghttp2 do it. */
  get isCancelled(): boolean {
    return !this.#hasBrokenOff && this.#stream.rstCode !== NGHTTP2_NO_ERROR;
  }

  /** To be called when the stream is over, whatever ended it. */
  closed(): void {
    if (this.#isDelivered()) this.#owner?.flushed();
    else this.#owner?.lost();
  }

  proceed(): void {}

  hint(headers: RawHeaders): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    const fields: OutgoingHttpHeaders = { ':status': 103 };
    addFields(fields, headers);
    stream.additionalHeaders(fields);
  }

  head(exchange: Exchange, { hasBody, byteLength, hopFields }: HeadFraming): void {
    const fields = [':status', `${exchange.status}`];
    pushFields(fields, exchange.responseHeaders);
    pushFields(fields, hopFields);
    if (byteLength >= 0) fields.push('content-length', `${byteLength}`);
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#hasEnded = !hasBody;
    const waitsForTrailers = hasBody && this.takesTrailers;
    if (waitsForTrailers) {
      this.#stream.on('wantTrailers', () => this.#sendTrailers());
    }
    const options = { endStream: !hasBody, waitForTrailers: waitsForTrailers };
    try {
      this.#stream.respond(fields, options);
    } catch {
      // A field that may stand once only is there twice.
      this.#stream.respond(onlyFirst(fields), options);
    }
  }

  write(chunk: Uint8Array): boolean {
    const copy = Buffer.allocUnsafe(chunk.byteLength);
    copy.set(chunk);
    const hasRoom = this.#stream.write(copy);
    if (!hasRoom && !this.#awaitsDrain) {
      this.#awaitsDrain = true;
      this.#stream.on('drain', () => this.#owner?.drained());
    }
    return hasRoom;
  }

  end(trailers: RawHeaders | null): void {
    this.#trailers = trailers ?? [];
    this.#hasEnded = true;
    this.#stream.end();
  }

  breakOff(): void {
    // Not `close`, which ends the stream before it resets it: the answer would look complete.
    this.#hasBrokenOff = true;
    this.#stream.destroy(new Error('broken off'));
  }

  /** Node ends the stream by itself when the client cancels it. */
  #isDelivered(): boolean {
    const { aborted, rstCode } = this.#stream;
    return this.#hasEnded && !aborted && rstCode === NGHTTP2_NO_ERROR;
  }

  #finished(): void {
    if (!this.#isDelivered()) return;
    this.#owner?.flushed();
    const stream = this.#stream;
    // The client may stop sending what nobody reads (RFC 9113 section 8.1).
    if (!stream.readableEnded && !stream.destroyed) stream.close(NGHTTP2_NO_ERROR);
  }

  #sendTrailers(): void {
    const fields: OutgoingHttpHeaders = {};
    addFields(fields, this.#trailers);
    // None are sent as an empty last frame.
    if (!this.#stream.destroyed) this.#stream.sendTrailers(fields);
  }
}

function pushFields(fields: string[], headers: RawHeaders): void {
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!];
    if (!OF_ONE_CONNECTION.has(name) && isSendableField(name, value)) fields.push(name, value);
  }
}

/** Trailers, which node takes as an object. */
function addFields(fields: OutgoingHttpHeaders, headers: RawHeaders): void {
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!];
    if (OF_ONE_CONNECTION.has(name) || !isSendableField(name, value)) continue;
    const before = fields[name];
    if (before === undefined) fields[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else fields[name] = [`${before}`, value];
  }
}

function onlyFirst(fields: readonly string[]): string[] {
  const seen = new Set<string>();
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    if (seen.has(name) && name !== 'set-cookie') continue;
    seen.add(name);
    kept.push(name, fields[at + 1]!);
  }
  return kept;
}
