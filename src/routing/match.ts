// What a route asks for, as the configuration says it. Texts are validated there.

/** Everything given must hold; an empty list or map asks for nothing. */
export interface MatchTerms {
  /** `example.com` or `*.example.com` (any depth below it), lower-case, without port. */
  readonly host: readonly string[];
  /** As `path-pattern.ts` reads them. */
  readonly path: readonly string[];
  /** Case-sensitive method names (RFC 9110 section 9.1). */
  readonly method: readonly string[];
  readonly scheme: 'http' | 'https' | null;
  /** By lower-case name: a value, `*` for any, or `~` and an expression; one of the list must match. */
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly cookie: Readonly<Record<string, readonly string[]>>;
  /** By decoded name; values are compared decoded. */
  readonly query: Readonly<Record<string, readonly string[]>>;
  /** By JSON pointer; numbers, booleans and null are compared as they are written in JSON. */
  readonly json: Readonly<Record<string, readonly string[]>>;
  /** Addresses and CIDR ranges of clients. */
  readonly client: readonly string[];
  /** ISO 3166-1 codes in capitals. */
  readonly country: readonly string[];
  readonly continent: readonly string[];
  readonly asn: readonly number[];
  /** Names of matchers; all must match. */
  readonly is: readonly string[];
}

export interface RouteMatch extends MatchTerms {
  /** All, at least one, none of these must match. */
  readonly all: readonly MatchTerms[];
  readonly any: readonly MatchTerms[];
  readonly not: readonly MatchTerms[];
}

/** Asks for nothing. */
export const anyRequest: RouteMatch = {
  host: [],
  path: [],
  method: [],
  scheme: null,
  header: {},
  cookie: {},
  query: {},
  json: {},
  client: [],
  country: [],
  continent: [],
  asn: [],
  is: [],
  all: [],
  any: [],
  not: [],
};
