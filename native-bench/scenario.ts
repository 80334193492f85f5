// What a scenario of the side-by-side is, and the one that others differ from.

/** What contenders are configured to do. `gzip`: to keep answers, and to send them compressed. */
export type Work = 'forward' | 'cache' | 'gzip';

/** One way to start every contender of a scenario. */
export interface Variant {
  /** Follows the contender's name, e.g. ` with log`. */
  readonly suffix: string;
  readonly accessLog: boolean;
  readonly work: Work;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /**
   * `closed-loop`: as fast as it goes. `open-loop`: at 70 % of the contender's own peak, latency corrected
   * for coordinated omission. `idle`: connections that have had one answer, and their memory.
   */
  readonly kind: 'closed-loop' | 'open-loop' | 'web-socket' | 'idle';
  /** Simultaneous connections of the load generator. */
  readonly connections: number;
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
  /** Whether `sluice-pipelining` takes part. */
  readonly hasPipelining: boolean;
  /** The native peers that its targets name. */
  readonly rivals: readonly string[];
  /** Whether it is part of `make bench QUICK=1`. */
  readonly isQuick: boolean;
}

export const SMALL_BODY_BYTES = 1024;
export const LARGE_BODY_BYTES = 64 * 1024;
/** A body of JSON, which compresses like one. */
export const PAGE_BYTES = 64 * 1024;
export const HUGE_BODY_BYTES = 10 * 2 ** 20;
export const WEB_SOCKET_MESSAGE_BYTES = 64;
/** An open loop asks for this share of what a contender can do. */
export const OPEN_LOOP_SHARE = 0.7;

export const plain: Variant = { suffix: '', accessLog: false, work: 'forward' };

export const smallGet: Scenario = {
  name: 'small-get',
  title: 'GET 1 KiB, 64 connections',
  kind: 'closed-loop',
  connections: 64,
  method: 'GET',
  path: '/small',
  isUnique: false,
  requestBodyBytes: 0,
  responseBodyBytes: SMALL_BODY_BYTES,
  responseBytesMax: Number.POSITIVE_INFINITY,
  headers: [],
  workers: 1,
  variants: [plain],
  hasPipelining: true,
  rivals: ['nginx', 'haproxy'],
  isQuick: true,
};

export const single: Scenario = { ...smallGet, hasPipelining: false, isQuick: false };
