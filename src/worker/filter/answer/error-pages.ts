// Pages of the operator in place of error responses: those of the proxy itself, and those of peers.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, ResponseStage } from '../../../core/filter.ts';
import { MIB } from '../../../core/limits.ts';
import type { ErrorPages } from '../../../core/plan.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { BodySource } from './respond.ts';

/** Longest body of a peer that is thrown away for a page; a longer one is cancelled. */
const DISCARDED_BYTES_MAX = 1 * MIB;

export interface ErrorPage {
  readonly contentType: string;
  readonly body: BodySource;
}

/** Pages by status: '404', or '4xx' and '5xx'; the exact one goes first. */
export class PagesByStatus implements ErrorPages {
  readonly #pages: ReadonlyMap<string, ErrorPage>;

  constructor(pages: ReadonlyMap<string, ErrorPage>) {
    this.#pages = pages;
  }

  replyFor(status: number): Reply | null {
    if (status < 400) return null;
    const page =
      this.#pages.get(String(status)) ?? this.#pages.get(`${Math.floor(status / 100)}xx`);
    const body = page === undefined ? null : page.body();
    if (body === null) return null;
    return { status, headers: ['content-type', page!.contentType], body };
  }
}

/** What is true of the peer's body alone, and goes with it. */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'last-modified',
  'repr-digest',
]);

/** Puts the page in place of a peer's body; all other fields stay. */
export class ReplaceErrors implements ResponseStage {
  readonly name = 'error-pages';
  readonly #pages: ErrorPages;

  constructor(pages: ErrorPages) {
    this.#pages = pages;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const reply = this.#pages.replyFor(exchange.status);
    if (reply === null) return next;
    const kept: string[] = [];
    const { responseHeaders } = exchange;
    for (let at = 0; at < responseHeaders.length; at += 2) {
      const name = responseHeaders[at]!;
      if (!OF_THE_BODY.has(name)) kept.push(name, responseHeaders[at + 1]!);
    }
    exchange.responseHeaders = [...kept, ...reply.headers];
    exchange.responseByteLength = reply.body.byteLength;
    return new PageInstead(exchange, next, reply.body);
  }
}

/** Lets the peer's body run into nothing, so that its connection stays; then comes the page. */
class PageInstead implements Sink {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #page: Uint8Array;
  #source: Source | null = null;
  #discardedBytes = 0;
  #isOver = false;

  constructor(exchange: Exchange, next: Sink, page: Uint8Array) {
    this.#exchange = exchange;
    this.#next = next;
    this.#page = page;
  }

  start(source: Source): void {
    this.#source = source;
    this.#next.start(source);
  }

  write(chunk: Uint8Array): boolean {
    this.#discardedBytes += chunk.byteLength;
    if (!this.#isOver && this.#discardedBytes > DISCARDED_BYTES_MAX) {
      this.#source?.cancel(new ProxyError('bad_response', 'an endless error'));
      this.end();
    }
    return true;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#exchange.method !== 'HEAD' && this.#page.byteLength > 0) {
      this.#next.write(this.#page);
    }
    this.#next.end();
  }

  /** The page does not depend on what broke. */
  fail(_error: ProxyError): void {
    this.end();
  }
}
