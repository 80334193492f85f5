// An answer in HTTP/1.x, by way of node:http, which frames it and knows whether the connection goes on.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from '../../../core/exchange.ts';
import type { RawHeaders } from '../../../core/headers.ts';
import {
  type HeadFraming,
  isSendableField,
  type ResponseWriter,
  type WriterOwner,
} from './response-writer.ts';

export interface Http1WriterOptions {
  /** The request has announced its body by `Expect: 100-continue`. */
  readonly awaitsContinue: boolean;
  readonly takesTrailers: boolean;
}

export class Http1Writer implements ResponseWriter {
  readonly takesTrailers: boolean;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #isOld: boolean;
  #awaitsContinue: boolean;
  #isChunked = false;
  /** Complete only when the connection ends, so that a broken body needs more than that. */
  #endsByClose = false;

  constructor(request: IncomingMessage, response: ServerResponse, options: Http1WriterOptions) {
    this.#response = response;
    this.#socket = request.socket;
    this.#isOld = request.httpVersionMinor === 0;
    this.#awaitsContinue = options.awaitsContinue;
    this.takesTrailers = options.takesTrailers && !this.#isOld;
  }

  attach(owner: WriterOwner): void {
    this.#response.on('drain', () => owner.drained());
    this.#response.on('finish', () => owner.flushed());
    this.#response.on('close', () => owner.lost());
    this.#response.on('error', () => owner.lost());
  }

  proceed(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#response.writeContinue();
  }

  hint(fields: RawHeaders): void {
    // HTTP/1.0 knows no interim answers; without a socket an earlier answer is still on its way.
    if (this.#isOld || this.#response.socket === null) return;
    const lines = ['HTTP/1.1 103 Early Hints'];
    for (let at = 0; at < fields.length; at += 2) {
      const [name, value] = [fields[at]!, fields[at + 1]!];
      if (isSendableField(name, value)) lines.push(`${name}: ${value}`);
    }
    // Node's own writer takes one form of Link only, and throws at all others.
    if (lines.length > 1) this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  }

  head(exchange: Exchange, framing: HeadFraming): void {
    const response = this.#response;
    const fields: string[] = [];
    pushFields(fields, exchange.responseHeaders);
    pushFields(fields, framing.hopFields);
    if (framing.byteLength >= 0) fields.push('content-length', `${framing.byteLength}`);
    this.#isChunked = framing.hasBody && framing.byteLength < 0 && !this.#isOld;
    this.#endsByClose = framing.hasBody && framing.byteLength < 0 && this.#isOld;
    // Who was not told to go on may take its body for unsent or not: nothing can follow.
    if (framing.closes || this.#awaitsContinue) fields.push('connection', 'close');
    // That the connection goes on is what HTTP/1.1 takes for granted; node would say it every time.
    else if (!this.#isOld) response.removeHeader('connection');
    response.writeHead(exchange.status, fields);
    if (framing.isAlone) response.flushHeaders();
  }

  write(chunk: Uint8Array): boolean {
    return this.#response.write(Buffer.from(chunk));
  }

  end(trailers: RawHeaders | null): void {
    if (trailers !== null && this.#isChunked) {
      const pairs: [string, string][] = [];
      for (let at = 0; at < trailers.length; at += 2) {
        const [name, value] = [trailers[at]!, trailers[at + 1]!];
        if (isSendableField(name, value)) pairs.push([name, value]);
      }
      this.#response.addTrailers(pairs);
    }
    this.#response.end();
  }

  breakOff(): void {
    if (this.#endsByClose) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }
}

function pushFields(fields: string[], headers: RawHeaders): void {
  for (let at = 0; at < headers.length; at += 2) {
    const [name, value] = [headers[at]!, headers[at + 1]!];
    if (isSendableField(name, value)) fields.push(name, value);
  }
}
