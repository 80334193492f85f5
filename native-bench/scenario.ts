// What a scenario of the side-by-side is, and the one that others differ from.

/** What contenders are configured to do. `gzip`: to compress; `cache-gzip`: to do so with what they keep. */
export type Work = 'forward' | 'gzip' | 'cache' | 'cache-gzip';

/** What clients speak; `h2` is HTTP/2 over TLS. */
export type Wire = 'http' | 'https' | 'h2';

export type Kind =
  | 'closed-loop'
  | 'open-loop'
  | 'web-socket'
  | 'idle'
  | 'handshake'
  | 'resumption'
  | 'beside';

/** One way to start every contender of a scenario. */
export interface Variant {
  /** Follows the contender's name, e.g. ` with log`. */
  readonly suffix: string;
  readonly accessLog: boolean;
  readonly work: Work;
  /** Path of what is streamed beside the load; '' for nothing. */
  readonly beside: string;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /**
   * `closed-loop`: as fast as it goes. `open-loop`: at 70 % of the contender's own peak, latency corrected
   * for coordinated omission. `idle`: connections that have had one answer, and their memory. `handshake`:
   * connections that end as soon as TLS stands; `resumption`: the same with a ticket. `beside`: some
   * requests at an even pace, and what a variant has streamed beside them; all share the cores.
   */
  readonly kind: Kind;
  readonly wire: Wire;
  /** Simultaneous connections of the load generator. */
  readonly connections: number;
  /** Requests at a time on each connection; more than one over HTTP/2 alone. */
  readonly streams: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Whether every request asks for another target (a query that counts). */
  readonly isUnique: boolean;
  /** Bytes of request body. */
  readonly requestBodyBytes: number;
  /** Bytes of response body that every contender must deliver, and at most, with its head. */
  readonly responseBodyBytes: number;
  readonly responseBytesMax: number;
  /** Request header fields besides Host. */
  readonly headers: readonly string[];
  /** Worker processes or threads; with two, proxy and load share the cores. */
  readonly workers: 1 | 2;
  readonly variants: readonly Variant[];
  /** Sluices that take part besides `sluice` and `sluice-lean`. */
  readonly guests: readonly string[];
  /** The native peers that its targets name. */
  readonly rivals: readonly string[];
  /** Whether it is part of `make bench QUICK=1`. */
  readonly isQuick: boolean;
}

export const SMALL_BODY_BYTES = 1024;
export const LARGE_BODY_BYTES = 64 * 1024;
/** A body of JSON, which compresses like one. */
export const PAGE_BYTES = 64 * 1024;
/** The same, long enough to take a while. */
export const LONG_PAGE_BYTES = 2 ** 20;
/** Of small requests beside something else. */
export const BESIDE_PER_SECOND = 500;
export const HUGE_BODY_BYTES = 10 * 2 ** 20;
export const WEB_SOCKET_MESSAGE_BYTES = 64;
/** An open loop asks for this share of what a contender can do. */
export const OPEN_LOOP_SHARE = 0.7;

export const plain: Variant = { suffix: '', accessLog: false, work: 'forward', beside: '' };

export const smallGet: Scenario = {
  name: 'small-get',
  title: 'GET 1 KiB, 64 connections',
  kind: 'closed-loop',
  wire: 'http',
  connections: 64,
  streams: 1,
  method: 'GET',
  path: '/small',
  isUnique: false,
  requestBodyBytes: 0,
  responseBodyBytes: SMALL_BODY_BYTES,
  responseBytesMax: Number.POSITIVE_INFINITY,
  headers: [],
  workers: 1,
  variants: [plain],
  guests: ['sluice-pipelining'],
  rivals: ['nginx', 'haproxy'],
  isQuick: true,
};

export const single: Scenario = { ...smallGet, guests: [], isQuick: false };

/** Returns how many connections a contender is to keep to the origin: as many as there are requests at a time. */
export function upstreamConnectionsOf({ connections, streams }: Scenario): number {
  return Math.max(128, connections * streams);
}
