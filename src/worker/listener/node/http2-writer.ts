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

export class Http2Writer implements ResponseWriter {
  readonly takesTrailers: boolean;
  readonly #stream: ServerHttp2Stream;
  #trailers: RawHeaders = [];
  /** The answer is complete as far as we are concerned. */
  #hasEnded = false;

  constructor(stream: ServerHttp2Stream, takesTrailers: boolean) {
    this.#stream = stream;
    this.takesTrailers = takesTrailers;
  }

  attach(owner: WriterOwner): void {
    const stream = this.#stream;
    stream.on('drain', () => owner.drained());
    stream.on('finish', () => {
      // Node ends the stream by itself when the client cancels it; `close` follows.
      if (!this.#hasEnded || stream.aborted) return;
      owner.flushed();
      // The client may stop sending what nobody reads (RFC 9113 section 8.1).
      if (!stream.readableEnded && !stream.destroyed) stream.close(NGHTTP2_NO_ERROR);
    });
    stream.on('close', () => owner.lost());
  }

  proceed(): void {}

  head(exchange: Exchange, { hasBody, byteLength, hopFields }: HeadFraming): void {
    const fields: OutgoingHttpHeaders = { ':status': exchange.status };
    addFields(fields, exchange.responseHeaders);
    addFields(fields, hopFields);
    if (byteLength >= 0) fields['content-length'] = byteLength;
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
    return this.#stream.write(Buffer.from(chunk));
  }

  end(trailers: RawHeaders | null): void {
    this.#trailers = trailers ?? [];
    this.#hasEnded = true;
    this.#stream.end();
  }

  breakOff(): void {
    // Not `close`, which ends the stream before it resets it: the answer would look complete.
    this.#stream.destroy(new Error('broken off'));
  }

  #sendTrailers(): void {
    const fields: OutgoingHttpHeaders = {};
    addFields(fields, this.#trailers);
    // None are sent as an empty last frame.
    if (!this.#stream.destroyed) this.#stream.sendTrailers(fields);
  }
}

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

function onlyFirst(fields: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    Array.isArray(value) && name !== 'set-cookie' ? value[0] : value,
  ]);
  return Object.fromEntries(entries);
}
