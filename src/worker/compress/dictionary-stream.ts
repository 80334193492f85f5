// A body in `dcz`: zstd with a dictionary that the client has (RFC 9842 section 5).

import type { Exchange } from '../../core/exchange.ts';
import type { Sink } from '../../core/sink.ts';
import { createDictionaryEncoder, FLUSH_KIND } from '../../std/encode.ts';
import { announceCoding } from './compressed-stream.ts';
import type { Compression } from './compression.ts';
import { type Dictionary, prefixOf } from './dictionaries.ts';
import { RecodedStream } from './recoded-stream.ts';

/** Tells caches of a body whose coding was announced that it goes by the dictionary of the client, too. */
export function noteDictionary(exchange: Exchange): void {
  exchange.responseHeaders.push('vary', 'available-dictionary');
}

/** Returns a sink that compresses with the dictionary; the caller has opened a stream for it. */
export function dictionaryStream(
  exchange: Exchange,
  next: Sink,
  what: { dictionary: Dictionary; level: number; compression: Compression },
): Sink {
  const { dictionary, level, compression } = what;
  announceCoding(exchange, 'dcz', -1);
  noteDictionary(exchange);
  return new RecodedStream(exchange, next, {
    codec: createDictionaryEncoder(level, dictionary.content),
    flushKind: FLUSH_KIND.zstd,
    prefix: prefixOf(dictionary, 'dcz'),
    bounds: null,
    witness: null,
    blame: 'internal_error',
    onOver: (end, bytesIn, bytesOut) => {
      compression.closeStream();
      exchange.plainBytes = bytesIn;
      if (end === 'done') compression.count('dcz', bytesIn, bytesOut);
    },
  });
}
