// Pages of the operator in place of error responses: those of the proxy itself, and those of peers.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, ResponseStage } from '../../../core/filter.ts';
import { isGrpc } from '../../../core/grpc.ts';
import { asksForJson } from '../../../core/json-clients.ts';
import { MIB } from '../../../core/limits.ts';
import type { ErrorPages } from '../../../core/plan.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { PageText } from './page-text.ts';
import type { BodySource } from './respond.ts';

/** Longest body of a peer that is thrown away for a page; a longer one is cancelled. */
const DISCARDED_BYTES_MAX = 1 * MIB;

export interface ErrorPage {
  readonly contentType: string;
  readonly body: BodySource;
  /** Replaces the variables in it; null when it is sent as it is. */
  readonly text: PageText | null;
  /** Takes the place of what peers answer as well. */
  readonly intercept: boolean;
}

/** Pages by status: '404', or '4xx' and '5xx'; the exact one goes first. */
export class PagesByStatus implements ErrorPages {
  readonly #pages: ReadonlyMap<string, ErrorPage>;

  constructor(pages: ReadonlyMap<string, ErrorPage>) {
    this.#pages = pages;
  }

  get interceptsAny(): boolean {
    return [...this.#pages.values()].some(({ intercept }) => intercept);
  }

  replyFor(exchange: Exchange, status: number): Reply | null {
    const page = this.pageFor(status);
    return page === null ? null : replyBy(page, exchange, status);
  }

  /** Returns the page for a status, or null; whether it stands in for peers as well it says itself. */
  pageFor(status: number): ErrorPage | null {
    if (status < 400) return null;
    const exact = this.#pages.get(String(status));
    return exact ?? this.#pages.get(`${Math.floor(status / 100)}xx`) ?? null;
  }
}

/** Programs get their JSON, not a page for people; null for them, and while there is no page. */
function replyBy(page: ErrorPage, exchange: Exchange, status: number): Reply | null {
  const { contentType, text } = page;
  if (asksForJson(exchange) && !/\bjson\b/i.test(contentType)) return null;
  const body = page.body();
  if (body === null) return null;
  const headers = ['content-type', contentType];
  return { status, headers, body: text === null ? body : text.render(body, exchange, status) };
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

/** What lets others keep an answer. */
const OF_CACHES: ReadonlySet<string> = new Set(['age', 'cache-control', 'expires']);

/** Puts the page in place of a peer's body, where it asks for that; all other fields stay. */
export class ReplaceErrors implements ResponseStage {
  readonly name = 'error-pages';
  readonly #pages: PagesByStatus;

  constructor(pages: PagesByStatus) {
    this.#pages = pages;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const { status, responseHeaders } = exchange;
    const page = status < 400 ? null : this.#pages.pageFor(status);
    if (page === null || !page.intercept || isGrpc(exchange)) return next;
    const reply = replyBy(page, exchange, status);
    if (reply === null) return next;
    const isPersonal = page.text !== null;
    const kept: string[] = [];
    for (let at = 0; at < responseHeaders.length; at += 2) {
      const name = responseHeaders[at]!;
      const goes = OF_THE_BODY.has(name) || (isPersonal && OF_CACHES.has(name));
      if (!goes) kept.push(name, responseHeaders[at + 1]!);
    }
    // Who asks for JSON gets the answer of the peer: what caches keep is not for all.
    kept.push('vary', 'accept');
    if (isPersonal) kept.push('cache-control', 'no-store');
    exchange.responseHeaders = [...kept, ...reply.headers];
    exchange.responseByteLength = reply.body.byteLength;
    exchange.cached = null;
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
