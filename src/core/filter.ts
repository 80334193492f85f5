// What may answer, change or refuse a request before it reaches an upstream, and what may change a
// response on its way back.

import type { ProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { RawHeaders } from './headers.ts';
import type { Sink } from './sink.ts';

/** A complete small answer made by the proxy itself. */
export interface Reply {
  readonly status: number;
  readonly headers: RawHeaders;
  readonly body: Uint8Array;
}

/** An answer, or the failure that is the answer (`closed`: none at all). undefined: go on. */
export type Settled = Reply | ProxyError | undefined;

/** A promise leaves the straight line; serve resumes by index when it settles. */
export type Verdict = Settled | Promise<Settled>;

export interface RequestFilter {
  readonly name: string;
  apply(exchange: Exchange): Verdict;
}

/** Attaches itself when the response head is known; returns `next` itself to stay out at no cost. */
export interface ResponseStage {
  readonly name: string;
  attach(exchange: Exchange, next: Sink): Sink;
}
