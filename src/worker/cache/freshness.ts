// How long an answer is fresh and how old it is already (RFC 9111 section 4.2), RFC 9213 included.

import { TextMemo } from '../../std/text-memo.ts';
import { type Directives, noDirectives, parseCacheControl, SECONDS_MAX } from './cache-control.ts';
import { parseHttpDate, parseRepeatedDate } from './http-date.ts';
import type { CachePolicy, FetchedResponse } from './policy.ts';
import type { ResponseFacts } from './response-facts.ts';
import { type BareItem, parseDictionary } from './structured-fields.ts';

/** Statuses that may be given a guessed lifetime (RFC 9110 section 15.1), without 206. */
const GUESSED: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

const DIGITS = /^\d+$/;

/** The directives that hold for a shared cache, and whether Expires counts besides. Never changed. */
export interface OriginWord {
  readonly directives: Directives;
  /** CDN-Cache-Control spoke: Cache-Control and Expires say nothing here (RFC 9213 section 2.2). */
  readonly isTargeted: boolean;
}

const SILENCE: OriginWord = { directives: noDirectives(), isTargeted: false };
/** For origins of the last century (RFC 9111 section 5.4 leaves that to the cache). */
const PRAGMA: OriginWord = { directives: parseCacheControl('no-cache'), isTargeted: false };

const words = new TextMemo(parseWord);
const targetedWords = new TextMemo(parseTargetedWord);
/** Apart from those of origins, which clients could push out. */
const wishes = new TextMemo(parseCacheControl);

/** Reads what the origin says about caching. */
export function readOriginWord(facts: ResponseFacts): OriginWord {
  const { targetedControl, cacheControl, pragma } = facts;
  const targeted = targetedControl === null ? null : targetedWords.of(targetedControl);
  if (targeted !== null) return targeted;
  if (cacheControl !== null) return words.of(cacheControl);
  return pragma !== null && pragma.toLowerCase() === 'no-cache' ? PRAGMA : SILENCE;
}

/** Reads Cache-Control of a request: never to be changed. */
export function remembered(value: string): Directives {
  return wishes.of(value);
}

/** An answer to which nobody gives a lifetime. */
export const NO_LIFETIME = -1;
/** One whose lifetime goes by dates: see `datedLifetimeOf`. */
export const DATED_LIFETIME = -2;

/**
 * Returns for how many ms an answer of that status is fresh, counted from the moment it was made; or
 * NO_LIFETIME, or DATED_LIFETIME.
 */
export function lifetimeOf(
  status: number,
  facts: ResponseFacts,
  { directives, isTargeted }: OriginWord,
  policy: CachePolicy,
): number {
  if (policy.respectsOrigin) {
    if (directives.sharedMaxAge >= 0) return directives.sharedMaxAge * 1000;
    if (directives.maxAge >= 0) return directives.maxAge * 1000;
    if (facts.expires !== null && !isTargeted) return DATED_LIFETIME;
  }
  const { lifetimesMs } = policy;
  const lifetimeMs = lifetimesMs.get(status) ?? lifetimesMs.get(Math.floor(status / 100));
  if (lifetimeMs !== undefined) return lifetimeMs;
  if (facts.lastModifiedAt === -1 || facts.isModifiedTwice) return NO_LIFETIME;
  if (!policy.respectsOrigin || policy.heuristicRatio === 0) return NO_LIFETIME;
  return GUESSED.has(status) || directives.isPublic ? DATED_LIFETIME : NO_LIFETIME;
}

/** Returns the lifetime in ms of an answer for which `lifetimeOf` has said so; or NO_LIFETIME. */
export function datedLifetimeOf(
  response: FetchedResponse,
  facts: ResponseFacts,
  { isTargeted }: OriginWord,
  policy: CachePolicy,
): number {
  if (policy.respectsOrigin && facts.expires !== null && !isTargeted) {
    return untilExpires(response, facts.expires);
  }
  return guessed(response, response.headers[facts.lastModifiedAt]!, policy);
}

/** Two lines that differ, joined, are no date (section 4.2.1). */
function untilExpires(response: FetchedResponse, expires: string): number {
  const expiresMs = parseHttpDate(expires, response.receivedAtMs);
  if (Number.isNaN(expiresMs)) return 0;
  return Math.min(Math.max(0, expiresMs - dateOf(response)), SECONDS_MAX * 1000);
}

/** The longer it has not changed, the longer it will not (section 4.2.2). */
function guessed(response: FetchedResponse, lastModified: string, policy: CachePolicy): number {
  const sinceMs = dateOf(response) - parseHttpDate(lastModified, response.receivedAtMs);
  if (!(sinceMs > 0)) return NO_LIFETIME;
  return Math.min(sinceMs * policy.heuristicRatio, policy.heuristicMaxMs);
}

/** Returns when the answer was made by its Date, or when it came without one. */
function dateOf({ date, receivedAtMs }: FetchedResponse): number {
  const dateMs = parseRepeatedDate(date, receivedAtMs);
  return Number.isNaN(dateMs) ? receivedAtMs : dateMs;
}

/** Returns the age that the answer had when it came, in ms (section 4.2.3); `age`: the field of that name. */
export function initialAgeMs(response: FetchedResponse, age: string | null): number {
  const { sentAtMs, receivedAtMs } = response;
  const apparentMs = Math.max(0, receivedAtMs - dateOf(response));
  const ageS = age === null ? 0 : ageSeconds(age);
  return Math.max(apparentMs, ageS * 1000 + (receivedAtMs - sentAtMs));
}

/** The first counts of several. */
function ageSeconds(value: string): number {
  const comma = value.indexOf(',');
  const first = (comma === -1 ? value : value.slice(0, comma)).trim();
  return DIGITS.test(first) ? Math.min(Number(first), SECONDS_MAX) : 0;
}

function parseWord(text: string): OriginWord {
  return { directives: parseCacheControl(text), isTargeted: false };
}

/** Returns null for what is malformed or says nothing. */
function parseTargetedWord(text: string): OriginWord | null {
  const members = parseDictionary(text);
  if (members === null || members.size === 0) return null;
  return { directives: fromMembers(members), isTargeted: true };
}

/** Members of a dictionary as directives: values of the wrong type count as invalid (RFC 9213 section 2.1). */
function fromMembers(members: ReadonlyMap<string, BareItem>): Directives {
  let text = '';
  for (const [name, value] of members) {
    if (value === false) continue;
    if (text !== '') text += ', ';
    if (value === true) text += name;
    else if (typeof value === 'string') text += `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
    else text += `${name}=${value}`;
  }
  return parseCacheControl(text);
}
