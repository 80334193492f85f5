// What the operator wants of the cache on one route, and what a decision to store goes by. Plain data.

import type { RawHeaders } from '../../core/headers.ts';

/** Compiled from `routes[].cache`. */
export interface CachePolicy {
  readonly respectsOrigin: boolean;
  readonly respectsClient: boolean;
  /** Lifetimes by status and by class (`5` for 5xx), for answers without one of their own. */
  readonly lifetimesMs: ReadonlyMap<number, number>;
  readonly heuristicRatio: number;
  readonly heuristicMaxMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly refreshesEarly: boolean;
  readonly collapses: boolean;
  /** A HEAD that finds nothing fetches by GET, for those who come next. */
  readonly fetchesForHead: boolean;
  readonly passMs: number;
  readonly objectBytesMax: number;
  readonly storesSetCookie: boolean;
  /** Fields that the proxy makes for peers, so that requests do not show their values. */
  readonly isMadeHere: (name: string) => boolean;
  /** Name in Cache-Status, null for no such field. */
  readonly statusName: string | null;
}

/** A request that went to a peer for the cache. */
export interface FetchedRequest {
  readonly key: string;
  readonly url: string;
  readonly route: string;
  /** `scheme://host`, for tags that belong to an origin. */
  readonly origin: string;
  /** As the client sent them: Vary goes by these. */
  readonly headers: RawHeaders;
  /** It says who the client is, by Authorization or in a way that a filter has checked. */
  readonly isAuthorized: boolean;
  readonly generation: number;
}

/** What came back. */
export interface FetchedResponse {
  readonly status: number;
  /** End-to-end fields, without Date. */
  readonly headers: RawHeaders;
  /** Length of the body as declared, -1 when it is not known. */
  readonly byteLength: number;
  /** Date as received, '' when there was none. */
  readonly date: string;
  /** When the request for it was sent. */
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}
