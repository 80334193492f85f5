// Where answers are stored plain and encoded on the way out: the peer is not told which codings the client
// likes, and what it encodes all the same is decoded before it is stored.

import type { Exchange } from '../../core/exchange.ts';
import type { RequestFilter, ResponseStage } from '../../core/filter.ts';
import type { Sink } from '../../core/sink.ts';
import { acceptEncoding } from './accept-encoding.ts';
import { decodeBody } from './decode-body.ts';
import type { RecodingBounds, RecodingEnd } from './recoded-stream.ts';
import { readBodyFacts } from './response-fields.ts';

/** Keeps Accept-Encoding for the way back: peer and cache never see it. */
export const keepCodingWish: RequestFilter = {
  name: 'accept-encoding',
  apply(exchange: Exchange): undefined {
    const headers = exchange.requestHeaders;
    exchange.acceptEncoding = acceptEncoding(headers) ?? '';
    for (let at = headers.length - 2; at >= 0; at -= 2) {
      if (headers[at] === 'accept-encoding') headers.splice(at, 2);
    }
  },
};

/** Decodes whatever a peer has encoded. */
export class PlainStage implements ResponseStage {
  readonly name = 'plain';
  readonly #bounds: RecodingBounds;
  readonly #onOver: (end: RecodingEnd) => void;

  /** `onOver` is told how each body went. */
  constructor(bounds: RecodingBounds, onOver: (end: RecodingEnd) => void) {
    this.#bounds = bounds;
    this.#onOver = onOver;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const { coding, isSealed } = readBodyFacts(exchange.responseHeaders);
    if (coding === 'identity' || isSealed) return next;
    return decodeBody(exchange, next, this.#bounds, this.#onOver) ?? next;
  }
}
