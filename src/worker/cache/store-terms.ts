// On what terms an answer may be stored: all that its status and fields say about that, apart from its own
// validators and times. Answers of one origin say mostly the same, so the terms of earlier ones are kept: to
// see that they hold again is one pass over the fields (a stored miss of 1 KiB: 0.9 of the CPU that it costs
// above one without a cache).

import type { RawHeaders } from '../../core/headers.ts';
import type { Directives } from './cache-control.ts';
import { lifetimeOf, type OriginWord, readOriginWord } from './freshness.ts';
import type { CachePolicy } from './policy.ts';
import { FIELDS_THAT_COUNT, type ResponseFacts, readResponseFacts } from './response-facts.ts';
import { NO_VARY, type VaryRule, varyRule } from './vary.ts';

/** Why an answer is not stored. */
export type StoreRefusal =
  | 'status'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime';

/** A function of status, names, values of `FIELDS_THAT_COUNT`, who asked, and the policy. Never changed. */
export interface StoreTerms {
  /** Null when it may be stored, as far as can be told without times and validators. */
  readonly refusal: StoreRefusal | null;
  readonly facts: ResponseFacts;
  readonly word: OriginWord;
  readonly vary: VaryRule;
  /** What `lifetimeOf` says. */
  readonly lifetimeMs: number;
  /** It is used only after the origin was asked. */
  readonly mustValidate: boolean;
  /** For how many ms it may be used when it is stale; -1 for never, whatever the times are. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** The origin itself says for how long: reason enough to keep what is never fresh. */
  readonly isMeantStale: boolean;
  /** Fields that are not stored; null for none. */
  readonly leftOut: ReadonlySet<string> | null;
}

/** Final statuses that this cache knows how to handle (must-understand); 206 and 304 are never stored. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451, 500,
  501, 502, 503, 504,
]);

/** Fields that are not stored whatever the answer says. */
const NEVER_STORED: ReadonlySet<string> = new Set([
  'age',
  'surrogate-key',
  'cache-tag',
  'set-cookie',
]);

/** Returns the terms for an answer with that head. `isAuthorized`: its request says who the client is. */
export function termsOf(
  status: number,
  headers: RawHeaders,
  isAuthorized: boolean,
  policy: CachePolicy,
): StoreTerms {
  const facts = readResponseFacts(headers);
  const word = readOriginWord(facts);
  const { directives } = word;
  const vary = varyRule(facts.vary);
  const mustValidate = policy.respectsOrigin && directives.noCache;
  const mayBeStale = !mustValidate && !rulesOutStale(directives, policy);
  return {
    refusal:
      refusalOf(status, isAuthorized, { facts, directives, policy }) ?? varyRefusal(vary, policy),
    facts,
    word,
    vary: vary ?? NO_VARY,
    lifetimeMs: lifetimeOf(status, facts, word, policy),
    mustValidate,
    staleWhileRevalidateMs: mayBeStale ? staleWhileRevalidateMs(directives, policy) : -1,
    staleIfErrorMs: mayBeStale ? staleIfErrorMs(directives, policy) : -1,
    isMeantStale: mayBeStale && policy.respectsOrigin && saysHowStale(directives),
    leftOut: leftOutOf(headers, directives, policy),
  };
}

function refusalOf(
  status: number,
  isAuthorized: boolean,
  {
    facts,
    directives,
    policy,
  }: { facts: ResponseFacts; directives: Directives; policy: CachePolicy },
): StoreRefusal | null {
  if (status < 200 || status === 206 || status === 304) return 'status';
  if (policy.respectsOrigin) {
    // With must-understand, no-store is for caches that don't know the status (section 5.2.2.3).
    if (directives.mustUnderstand) {
      if (!UNDERSTOOD.has(status)) return 'status';
    } else if (directives.noStore) {
      return 'no-store';
    }
    if (directives.isPrivate) return 'private';
  }
  const mayAuthorized =
    directives.isPublic || directives.sharedMaxAge >= 0 || directives.mustRevalidate;
  if (isAuthorized && !mayAuthorized) return 'authorization';
  if (!facts.hasSetCookie || policy.storesSetCookie) return null;
  const isNamed = policy.respectsOrigin && directives.withheld.includes('set-cookie');
  return isNamed ? null : 'set-cookie';
}

/** What the peer went by, and the next request does not show, tells no variants apart. */
function varyRefusal(vary: VaryRule | null, { isMadeHere }: CachePolicy): StoreRefusal | null {
  return vary === null || vary.names.some(isMadeHere) ? 'vary' : null;
}

/**
 * Whether an answer must not be served stale. must-revalidate rules it out whatever else is said (section
 * 5.2.2.2); s-maxage does so too unless the origin says otherwise in the same breath.
 */
function rulesOutStale(directives: Directives, { respectsOrigin }: CachePolicy): boolean {
  if (!respectsOrigin) return false;
  if (directives.mustRevalidate || directives.proxyRevalidate) return true;
  const isShared = directives.sharedMaxAge >= 0;
  return isShared && directives.staleWhileRevalidate < 0 && directives.staleIfError < 0;
}

function saysHowStale({ staleWhileRevalidate, staleIfError }: Directives): boolean {
  return staleWhileRevalidate > 0 || staleIfError > 0;
}

function staleWhileRevalidateMs(directives: Directives, policy: CachePolicy): number {
  const { staleWhileRevalidate } = directives;
  return staleMs(staleWhileRevalidate, policy.staleWhileRevalidateMs, directives, policy);
}

function staleIfErrorMs(directives: Directives, policy: CachePolicy): number {
  return staleMs(directives.staleIfError, policy.staleIfErrorMs, directives, policy);
}

/** How long it may be, in ms, by what the origin says in `seconds` (-1: nothing) or the operator. */
function staleMs(
  seconds: number,
  operatorMs: number,
  directives: Directives,
  { respectsOrigin }: CachePolicy,
): number {
  if (!respectsOrigin) return operatorMs;
  if (seconds >= 0) return seconds * 1000;
  return directives.sharedMaxAge >= 0 ? 0 : operatorMs;
}

/** What the origin withholds, and what is for caches only. */
function leftOutOf(
  headers: RawHeaders,
  { withheld }: Directives,
  { respectsOrigin }: CachePolicy,
): ReadonlySet<string> | null {
  const all = new Set(NEVER_STORED);
  if (respectsOrigin) for (const name of withheld) all.add(name);
  for (let at = 0; at < headers.length; at += 2) if (all.has(headers[at]!)) return all;
  return null;
}

/** A power of two. */
const KINDS = 8;
/** After so many answers in a row that were like none before, so many are not remembered. */
const MISSES_MOST = 4;
const REST_ANSWERS = 64;

/** After so many answers of a kind it takes over the strings of the last one. */
const FITS_MOST = 1024;

/** Answers that have the same terms. */
interface Kind {
  readonly status: number;
  readonly isAuthorized: boolean;
  /** Names and values as in a header list; null in place of values that don't count. */
  fields: readonly (string | null)[];
  readonly terms: StoreTerms;
  fits: number;
}

/** The terms of one route, with a memory for those of the last answers of each kind. */
export class KnownTerms {
  readonly #policy: CachePolicy;
  readonly #kinds: (Kind | null)[] = new Array<null>(KINDS).fill(null);
  #misses = 0;

  constructor(policy: CachePolicy) {
    this.#policy = policy;
  }

  /** Returns what `termsOf` does. */
  of(status: number, headers: RawHeaders, isAuthorized: boolean): StoreTerms {
    const at = (status + (headers.length >> 1)) & (KINDS - 1);
    const kind = this.#kinds[at]!;
    if (kind !== null && isLike(kind, status, headers, isAuthorized)) {
      this.#misses = 0;
      kind.fits += 1;
      // What peers say again and again is one string sooner or later (shared-texts), equal at a glance.
      if (kind.fits % FITS_MOST === 0) kind.fields = fieldsThatCount(headers);
      return kind.terms;
    }
    const terms = termsOf(status, headers, isAuthorized, this.#policy);
    this.#misses += 1;
    if (this.#misses <= MISSES_MOST) {
      this.#kinds[at] = { status, isAuthorized, fields: fieldsThatCount(headers), terms, fits: 0 };
    } else if (this.#misses > REST_ANSWERS) {
      this.#misses = 0;
    }
    return terms;
  }
}

function isLike(kind: Kind, status: number, headers: RawHeaders, isAuthorized: boolean): boolean {
  const { fields } = kind;
  if (kind.status !== status || kind.isAuthorized !== isAuthorized) return false;
  if (fields.length !== headers.length) return false;
  for (let at = 0; at < fields.length; at++) {
    const field = fields[at]!;
    if (field !== null && field !== headers[at]) return false;
  }
  return true;
}

function fieldsThatCount(headers: RawHeaders): (string | null)[] {
  return headers.map((text, at) =>
    at % 2 === 0 || FIELDS_THAT_COUNT.has(headers[at - 1]!) ? text : null,
  );
}
