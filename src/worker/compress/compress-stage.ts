// The stage that compresses, and that decodes what the client did not ask for. The reasons to leave a
// response alone stand first; where one holds, the stage stays out.

import type { CachedVariant } from '../../core/cache.ts';
import type { CompressionPolicy, ContentCoding, DictionaryCoding } from '../../core/compression.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { ResponseStage } from '../../core/filter.ts';
import { hasToken, headerValue, type RawHeaders } from '../../core/headers.ts';
import { hasWholeBody } from '../../core/response-body.ts';
import type { Sink } from '../../core/sink.ts';
import { acceptsCoding, CodingChooser } from './accept-encoding.ts';
import { CompressedBody } from './compressed-body.ts';
import { announceCoding } from './compressed-stream.ts';
import { type Compression, countDecoded } from './compression.ts';
import { announcePlain, decodingStream, isDecodable } from './decode-body.ts';
import type { Dictionaries } from './dictionaries.ts';
import { DCB_BYTES_MAX, DictionaryBody } from './dictionary-body.ts';
import { dictionaryStream, noteDictionary } from './dictionary-stream.ts';
import { isStreamType, MediaList } from './media-list.ts';
import {
  readBodyFacts,
  recodedFields,
  revalidatedFields,
  variedFields,
} from './response-fields.ts';
import { StoredBody } from './stored-body.ts';
import { type EncodingKeeper, StoredEncodings } from './stored-encodings.ts';

/** What becomes of a coding when the client has a dictionary. */
const WITH_DICTIONARY: Readonly<Record<ContentCoding, readonly DictionaryCoding[]>> = {
  zstd: ['dcz'],
  br: ['dcb'],
  gzip: [],
};

export class CompressStage implements ResponseStage {
  readonly name = 'compress';
  readonly #policy: CompressionPolicy;
  readonly #compression: Compression;
  readonly #chooser: CodingChooser;
  readonly #types: MediaList;
  readonly #stored: StoredEncodings | null;
  readonly #dictionaries: Dictionaries | null;
  /** Of bodies that are whole and not too long; the others are streams, which `dcb` can't be. */
  readonly #wholeOffers: readonly DictionaryCoding[];
  readonly #streamOffers: readonly DictionaryCoding[];

  /** `keeper`: of stored answers, whose bodies nothing changes on their way here; null without a cache. */
  constructor(policy: CompressionPolicy, compression: Compression, keeper: EncodingKeeper | null) {
    this.#policy = policy;
    this.#compression = compression;
    this.#chooser = new CodingChooser(policy.encodings);
    this.#types = new MediaList(policy.types);
    this.#dictionaries = policy.dictionaries ? compression.dictionaries : null;
    this.#wholeOffers = policy.encodings.flatMap((coding) => WITH_DICTIONARY[coding]);
    this.#streamOffers = this.#wholeOffers.filter((coding) => coding !== 'dcb');
    this.#stored = keeper === null ? null : new StoredEncodings(policy, compression, keeper);
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const { status, responseHeaders, requestHeaders } = exchange;
    if (status === 304) {
      const asked = headerValue(requestHeaders, 'if-none-match') ?? '';
      exchange.responseHeaders = revalidatedFields(responseHeaders, asked);
      // That of the plain body need not be that of what the client has (RFC 9110 section 8.6).
      exchange.responseByteLength = -1;
      return next;
    }
    if (status === 206) {
      if (this.#goesByCoding(responseHeaders)) {
        exchange.responseHeaders = variedFields(responseHeaders);
      }
      return next;
    }
    if (!hasWholeBody(exchange)) return next;
    const { coding, contentType, isSealed } = readBodyFacts(responseHeaders);
    if (isSealed || isStreamType(contentType) || forbidsTransform(exchange)) return next;
    if (coding === 'identity') return this.#heard(exchange, next, contentType);
    return this.#decode(exchange, next, { coding, contentType });
  }

  /** The whole would: then caches are told so of a part, too (RFC 9110 section 15.3.7). */
  #goesByCoding(headers: RawHeaders): boolean {
    const contentType = headerValue(headers, 'content-type') ?? '';
    // Of several parts, whose type does not stand in the head.
    return this.#types.has(contentType) || /^multipart\/byteranges/i.test(contentType);
  }

  /** What the client gets may serve to compress what it gets next. */
  #heard(exchange: Exchange, next: Sink, contentType: string): Sink {
    const sink = this.#compress(exchange, next, contentType);
    return this.#dictionaries === null ? sink : this.#dictionaries.listen(exchange, sink);
  }

  #compress(exchange: Exchange, next: Sink, contentType: string): Sink {
    const { coding, refusesIdentity } = this.#chooser.choose(exchange);
    const total = exchange.responseByteLength;
    const isForced = refusesIdentity && coding !== null;
    const minBytes = isForced ? 1 : this.#policy.minBytes;
    if (total !== -1 && total < minBytes) return next;
    if (!isForced && !this.#types.has(contentType)) return next;
    const usual = () => this.#compressAs(coding, exchange, next, minBytes);
    return this.#compressBy(this.#dictionaries, exchange, next, usual) ?? usual();
  }

  /** Null: there is no dictionary that is of use, or no room. */
  #compressBy(
    dictionaries: Dictionaries | null,
    exchange: Exchange,
    next: Sink,
    usual: () => Sink,
  ): Sink | null {
    const { method, responseByteLength: total } = exchange;
    if (dictionaries === null || (method !== 'GET' && method !== 'HEAD')) return null;
    const isWhole = total !== -1 && total <= DCB_BYTES_MAX;
    const use = dictionaries.find(exchange, isWhole ? this.#wholeOffers : this.#streamOffers);
    if (use === null) return null;
    const { dictionary, coding } = use;
    if (method === 'HEAD') {
      announceCoding(exchange, coding, -1);
      noteDictionary(exchange);
      return next;
    }
    const compression = this.#compression;
    const { zstd, br } = this.#policy.levels;
    if (coding === 'dcb') {
      const options = { dictionary, level: br, compression, otherwise: usual };
      return new DictionaryBody(exchange, next, options);
    }
    if (!compression.openStream()) return null;
    return dictionaryStream(exchange, next, { dictionary, level: zstd, compression });
  }

  #compressAs(
    coding: ContentCoding | null,
    exchange: Exchange,
    next: Sink,
    minBytes: number,
  ): Sink {
    if (coding === null) {
      exchange.responseHeaders = variedFields(exchange.responseHeaders);
      return next;
    }
    const { cached } = exchange;
    if (this.#stored !== null && cached !== null) {
      return sendStored(exchange, next, { cached, coding, stored: this.#stored });
    }
    if (exchange.method === 'HEAD') {
      // As a GET would be answered, whose length nobody knows before it is done.
      exchange.responseHeaders = recodedFields(exchange.responseHeaders, coding);
      exchange.responseByteLength = -1;
      return next;
    }
    exchange.responseHeaders = variedFields(exchange.responseHeaders);
    return new CompressedBody(exchange, next, {
      compression: this.#compression,
      coding,
      policy: this.#policy,
      minBytes,
      stored: this.#stored,
    });
  }

  /** The peer has encoded the body: fine, unless the client can't read it. */
  #decode(
    exchange: Exchange,
    next: Sink,
    { coding, contentType }: { coding: string; contentType: string },
  ): Sink {
    const policy = this.#policy;
    if (!policy.decode || !isDecodable(coding)) return next;
    if (acceptsCoding(exchange, coding)) {
      exchange.responseHeaders = variedFields(exchange.responseHeaders);
      return next;
    }
    announcePlain(exchange);
    const sink = this.#heard(exchange, next, contentType);
    if (exchange.method === 'HEAD') return sink;
    return decodingStream(exchange, sink, {
      coding,
      bounds: { bytesMax: policy.decodedBytesMax, ratioMax: policy.decodedRatioMax },
      onOver: countDecoded(this.#compression),
    });
  }
}

/** Sends a stored answer in a coding that is made once. */
function sendStored(
  exchange: Exchange,
  next: Sink,
  what: { cached: CachedVariant; coding: ContentCoding; stored: StoredEncodings },
): Sink {
  const { cached, coding, stored } = what;
  const encoded = stored.find(cached, coding);
  if (exchange.method === 'HEAD') {
    if (stored.isUseless(cached, coding)) {
      exchange.responseHeaders = variedFields(exchange.responseHeaders);
      return next;
    }
    exchange.responseHeaders = recodedFields(exchange.responseHeaders, coding);
    exchange.responseByteLength = encoded === null ? -1 : encoded.byteLength;
    return next;
  }
  exchange.responseHeaders = variedFields(exchange.responseHeaders);
  const body = new StoredBody(exchange, next, cached);
  const making = encoded === null ? stored.make(cached, coding) : null;
  if (making === null) body.settle(encoded, coding);
  else void making.then((made) => body.settle(made, coding));
  return body;
}

function forbidsTransform({ requestHeaders }: Exchange): boolean {
  for (let at = 0; at < requestHeaders.length; at += 2) {
    const isWish = requestHeaders[at] === 'cache-control';
    if (isWish && hasToken(requestHeaders[at + 1]!, 'no-transform')) return true;
  }
  return false;
}
