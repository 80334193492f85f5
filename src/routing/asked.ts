// What routing wants to know of a request. An exchange has all of it; so has a request that somebody made
// up to test a configuration.

import type { RawHeaders } from '../core/headers.ts';
import type { BodyFacts } from '../core/request-body.ts';

/** Parts of the path by the name that a pattern gives them; byte strings as they stand in the path. */
export type Captures = ReadonlyMap<string, string>;

/** A request that wants to know where it belongs. */
export interface Asked {
  readonly scheme: 'http' | 'https';
  readonly method: string;
  /** Origin-form, with its path as the policy of targets left it. */
  readonly target: string;
  /** Host as received. */
  readonly host: string;
  readonly requestHeaders: RawHeaders;
  /** '' for requests that are made up. */
  readonly requestId: string;
  /** Canonical text. */
  readonly clientAddress: string;
  /** Null when the body is none that conditions can ask for. */
  readonly bodyFacts: BodyFacts | null;
  /** Set by the router when the pattern of the route has names. */
  captures: Captures | null;
}

/** Where addresses are, as far as it is known. */
export interface GeoLookup {
  /** ISO 3166-1 code in capitals, or ''. */
  country(address: string): string;
  /** `AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`, or ''. */
  continent(address: string): string;
  /** Number of the autonomous system, or 0. */
  asn(address: string): number;
}

/** Knows nothing: no condition on places ever holds. */
export const NOWHERE: GeoLookup = { country: () => '', continent: () => '', asn: () => 0 };

/** Returns where the path of a target ends: at its question mark, or at its end. */
export function pathEnd(target: string): number {
  const query = target.indexOf('?');
  return query === -1 ? target.length : query;
}
