// Content codings as everybody names them, and what a route wants of them.

/** Codings that Sluice makes (RFC 9110 section 8.4.1, RFC 7932, RFC 8878). */
export type ContentCoding = 'zstd' | 'br' | 'gzip';

/** Those that need a dictionary (RFC 9842): zstd and brotli with one. */
export type DictionaryCoding = 'dcz' | 'dcb';

/** How the responses of a route are compressed. */
export interface CompressionPolicy {
  /** Codings to use, the best first: where a client likes several as much, the first is taken. */
  readonly encodings: readonly ContentCoding[];
  readonly levels: Readonly<Record<ContentCoding, number>>;
  /** Shorter bodies are not worth it. */
  readonly minBytes: number;
  /** Lower-case media types: `text/html`, `text/*`, or a suffix as `*+json`. */
  readonly types: readonly string[];
  /** Answers that peers offer as dictionaries are used for clients that have them (RFC 9842). */
  readonly dictionaries: boolean;
  /** Bodies in a coding that the client did not ask for are decoded, within bounds. */
  readonly decode: boolean;
  /** Decoded bytes for each encoded one, counted from the first mebibyte on. */
  readonly decodedRatioMax: number;
  readonly decodedBytesMax: number;
}

/** What one coding did, since the worker started. */
export interface CodingCounters {
  responses: number;
  /** Of bodies before and after. */
  bytesIn: number;
  bytesOut: number;
}

/** What compression did in one worker, since it started. */
export interface CompressionCounters {
  readonly codings: Readonly<Record<ContentCoding | DictionaryCoding, CodingCounters>>;
  /** Went out as they were because threads or streams were all taken. */
  skipped: number;
  /** Bodies decoded for clients that did not ask for their coding, and those that could not be. */
  decoded: number;
  undecodable: number;
}
