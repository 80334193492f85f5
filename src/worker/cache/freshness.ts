// How long an answer is fresh and how old it is already (RFC 9111 section 4.2), RFC 9213 included.

import type { RawHeaders } from '../../core/headers.ts';
import { type Directives, noDirectives, parseCacheControl, SECONDS_MAX } from './cache-control.ts';
import { joinedValue } from './fields.ts';
import { parseHttpDate } from './http-date.ts';
import type { CachePolicy, FetchedResponse } from './policy.ts';
import { type BareItem, parseDictionary } from './structured-fields.ts';

/** Statuses that may be given a guessed lifetime (RFC 9110 section 15.1), without 206. */
const GUESSED: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
]);

/** The directives that hold for a shared cache, and whether Expires counts besides. */
export interface OriginWord {
  readonly directives: Directives;
  /** CDN-Cache-Control spoke: Cache-Control and Expires say nothing here (RFC 9213 section 2.2). */
  readonly isTargeted: boolean;
}

/** Reads what the origin says about caching. */
export function readOriginWord(headers: RawHeaders): OriginWord {
  const targeted = joinedValue(headers, 'cdn-cache-control');
  if (targeted !== null) {
    const members = parseDictionary(targeted);
    if (members !== null && members.size > 0) {
      return { directives: fromMembers(members), isTargeted: true };
    }
  }
  const value = joinedValue(headers, 'cache-control');
  if (value !== null) return { directives: remembered(value), isTargeted: false };
  const directives = noDirectives();
  // For origins of the last century (RFC 9111 section 5.4 leaves that to the cache).
  if (joinedValue(headers, 'pragma')?.toLowerCase() === 'no-cache') directives.noCache = true;
  return { directives, isTargeted: false };
}

/** Where a lifetime comes from; `none` is no lifetime at all. */
export interface Lifetime {
  readonly lifetimeMs: number;
  readonly by: 'origin' | 'operator' | 'guess' | 'none';
}

/** Returns for how long an answer is fresh, counted from the moment it was made. */
export function lifetimeOf(
  response: FetchedResponse,
  { directives, isTargeted }: OriginWord,
  policy: CachePolicy,
): Lifetime {
  const { status, headers, receivedAtMs } = response;
  if (policy.respectsOrigin) {
    if (directives.sharedMaxAge >= 0) return byOrigin(directives.sharedMaxAge * 1000);
    if (directives.maxAge >= 0) return byOrigin(directives.maxAge * 1000);
    const expires = isTargeted ? null : expiresOf(headers);
    if (expires !== null) {
      const expiresMs = parseHttpDate(expires, receivedAtMs);
      const lifetimeMs = Number.isNaN(expiresMs) ? 0 : expiresMs - dateOf(response);
      return byOrigin(Math.min(Math.max(0, lifetimeMs), SECONDS_MAX * 1000));
    }
  }
  const lifetimeMs =
    policy.lifetimesMs.get(status) ?? policy.lifetimesMs.get(Math.floor(status / 100));
  if (lifetimeMs !== undefined) return { lifetimeMs, by: 'operator' };
  return guessed(response, directives, policy);
}

function byOrigin(lifetimeMs: number): Lifetime {
  return { lifetimeMs, by: 'origin' };
}

/** The first line counts; two that differ are no date (section 4.2.1). */
function expiresOf(headers: RawHeaders): string | null {
  return joinedValue(headers, 'expires');
}

function guessed(response: FetchedResponse, directives: Directives, policy: CachePolicy): Lifetime {
  const none: Lifetime = { lifetimeMs: 0, by: 'none' };
  if (!policy.respectsOrigin || policy.heuristicRatio === 0) return none;
  if (!GUESSED.has(response.status) && !directives.isPublic) return none;
  const modified = joinedValue(response.headers, 'last-modified');
  if (modified === null) return none;
  const sinceMs = dateOf(response) - parseHttpDate(modified, response.receivedAtMs);
  if (!(sinceMs > 0)) return none;
  const lifetimeMs = Math.min(sinceMs * policy.heuristicRatio, policy.heuristicMaxMs);
  return { lifetimeMs, by: 'guess' };
}

/** Returns when the answer was made by its Date, or when it came without one. */
export function dateOf({ date, receivedAtMs }: FetchedResponse): number {
  const dateMs = parseHttpDate(date, receivedAtMs);
  return Number.isNaN(dateMs) ? receivedAtMs : dateMs;
}

/** Returns the age that the answer had when it came, in ms (section 4.2.3). */
export function initialAgeMs(response: FetchedResponse): number {
  const { headers, sentAtMs, receivedAtMs } = response;
  const apparentMs = Math.max(0, receivedAtMs - dateOf(response));
  const age = joinedValue(headers, 'age');
  const ageS = age === null ? 0 : ageSeconds(age);
  return Math.max(apparentMs, ageS * 1000 + (receivedAtMs - sentAtMs));
}

function ageSeconds(value: string): number {
  const [first = ''] = value.split(',');
  return /^\d+$/.test(first.trim()) ? Math.min(Number(first), SECONDS_MAX) : 0;
}

const memory = new Map<string, Directives>();
const MEMORY_MAX = 256;

/** Reads Cache-Control; origins and clients repeat themselves. */
export function remembered(value: string): Directives {
  let directives = memory.get(value);
  if (directives !== undefined) return directives;
  directives = parseCacheControl(value);
  if (memory.size >= MEMORY_MAX) memory.clear();
  memory.set(value, directives);
  return directives;
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
