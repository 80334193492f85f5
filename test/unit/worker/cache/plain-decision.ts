// The decision to store once more, as plainly as it can be written: nothing is remembered, every field is
// looked up by its name, dates are read by the engine. Slow, and there to be compared with.

import type { StoredResponse } from '../../../../src/core/cache.ts';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { type Directives, parseCacheControl } from '../../../../src/worker/cache/cache-control.ts';
import type {
  CachePolicy,
  FetchedRequest,
  FetchedResponse,
} from '../../../../src/worker/cache/policy.ts';
import { parseDictionary, parseStrings } from '../../../../src/worker/cache/structured-fields.ts';

const UNDERSTOOD = [
  ...[200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451],
  ...[500, 501, 502, 503, 504],
];
const GUESSED = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const DAY_MS = 24 * 3600_000;

/** What is stored, of variants the names only; or why nothing is. */
export type PlainDecision =
  | string
  | (Omit<StoredResponse, 'vary' | 'varyKey'> & { readonly varyNames: readonly string[] });

/** Decides as `decideStore` does. */
export function decidePlainly(
  request: FetchedRequest,
  response: FetchedResponse,
  policy: CachePolicy,
): PlainDecision {
  const { status, headers, receivedAtMs, sentAtMs } = response;
  const { directives, isTargeted } = wordOf(headers);
  const { noCache, isPublic, mustRevalidate, sharedMaxAge, withheld } = directives;
  const { respectsOrigin } = policy;
  const told = respectsOrigin ? directives : parseCacheControl('');
  if (status < 200 || status === 206 || status === 304) return 'status';
  if (told.mustUnderstand && !UNDERSTOOD.includes(status)) return 'status';
  if (told.noStore && !told.mustUnderstand) return 'no-store';
  if (told.isPrivate) return 'private';
  const mayAll = isPublic || sharedMaxAge >= 0 || mustRevalidate;
  if (request.isAuthorized && !mayAll) return 'authorization';
  const hasCookie = headers.some((text, at) => at % 2 === 0 && text === 'set-cookie');
  if (hasCookie && !policy.storesSetCookie && !told.withheld.includes('set-cookie')) {
    return 'set-cookie';
  }
  const names = (all(headers, 'vary') ?? '').toLowerCase().split(',');
  const varyNames = [...new Set(names.map((name) => name.trim()))].filter((name) => name !== '');
  if (varyNames.includes('*') || varyNames.length > 16) return 'vary';
  if (varyNames.some(policy.isMadeHere)) return 'vary';
  const twins = request.headers.filter((text, at) => at % 2 === 0 && text.includes('_'));
  if (twins.some((name) => varyNames.includes(name.replaceAll('_', '-')))) return 'vary';
  const lifetime = lifetimeOf(response, told, { isTargeted, isPublic }, policy);
  const lifetimeMs = lifetime ?? 0;
  const etag = first(headers, 'etag') ?? '';
  const lastModified = first(headers, 'last-modified') ?? '';
  const isMeant = lifetime !== null || noCache || isPublic;
  const canValidate = isMeant && (etag !== '' || lastModified !== '');
  const stale = told.noCache ? null : staleness(told, policy);
  const isMeantStale = told.staleWhileRevalidate > 0 || told.staleIfError > 0;
  if (lifetimeMs === 0 && !canValidate && (stale === null || !isMeantStale)) return 'no-lifetime';
  const fetchMs = receivedAtMs - sentAtMs;
  const ageMs = Math.max(receivedAtMs - madeAt(response), ageOf(headers) * 1000 + fetchMs, 0);
  const bornMs = receivedAtMs - ageMs;
  const freshUntilMs = told.noCache ? 0 : bornMs + lifetimeMs;
  const staleWhileRevalidateUntilMs = stale === null ? 0 : freshUntilMs + stale.whileMs;
  const staleIfErrorUntilMs = stale === null ? 0 : freshUntilMs + stale.ifErrorMs;
  if (freshUntilMs <= receivedAtMs && staleIfErrorUntilMs === 0 && !canValidate) {
    return 'no-lifetime';
  }
  const usefulMs = Math.max(freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs);
  const unstored = ['age', 'surrogate-key', 'cache-tag', 'set-cookie'];
  if (respectsOrigin) unstored.push(...withheld);
  return {
    key: request.key,
    url: request.url,
    route: request.route,
    status,
    headers: headers.filter((_, at) => !unstored.includes(headers[at - (at % 2)]!)),
    bodyBytes: Math.max(0, response.byteLength),
    varyNames: varyNames.sort(),
    tags: tagsOf(headers, request.origin),
    generation: request.generation,
    bornMs,
    storedAtMs: receivedAtMs,
    fetchMs,
    refreshFromMs: freshUntilMs - Math.min(10 * fetchMs, lifetimeMs / 2),
    freshUntilMs,
    staleWhileRevalidateUntilMs,
    staleIfErrorUntilMs,
    keepUntilMs: canValidate ? Math.max(usefulMs, receivedAtMs) + DAY_MS : usefulMs,
    etag,
    lastModified,
  };
}

function tagsOf(headers: RawHeaders, origin: string): string[] {
  const keys = (all(headers, 'surrogate-key') ?? '').split(/[ ,]/);
  const tags = (all(headers, 'cache-tag') ?? '').split(',').map((tag) => tag.trim());
  const groups = parseStrings(all(headers, 'cache-groups') ?? '') ?? [];
  const named = groups.map((group) => `group ${origin} ${group}`);
  return [...new Set([...keys, ...tags, ...groups, ...named])].filter((tag) => tag !== '');
}

function wordOf(headers: RawHeaders): { directives: Directives; isTargeted: boolean } {
  const members = parseDictionary(all(headers, 'cdn-cache-control') ?? '');
  if (members !== null && members.size > 0) {
    const texts = [...members].map(([name, value]) => {
      if (typeof value === 'boolean') return value ? name : '';
      return typeof value === 'string' ? `${name}=${JSON.stringify(value)}` : `${name}=${value}`;
    });
    return { directives: parseCacheControl(texts.join()), isTargeted: true };
  }
  const pragma = all(headers, 'pragma')?.toLowerCase() === 'no-cache' ? 'no-cache' : '';
  const text = all(headers, 'cache-control') ?? pragma;
  return { directives: parseCacheControl(text), isTargeted: false };
}

function lifetimeOf(
  response: FetchedResponse,
  told: Directives,
  { isTargeted, isPublic }: { isTargeted: boolean; isPublic: boolean },
  policy: CachePolicy,
): number | null {
  const { status, headers } = response;
  const expires = all(headers, 'expires');
  if (told.sharedMaxAge >= 0) return told.sharedMaxAge * 1000;
  if (told.maxAge >= 0) return told.maxAge * 1000;
  if (policy.respectsOrigin && expires !== null && !isTargeted) {
    return Math.max(0, Math.min((dateOf(expires) ?? 0) - madeAt(response), 2 ** 31 * 1000));
  }
  const { lifetimesMs, heuristicRatio, heuristicMaxMs } = policy;
  const operatorMs = lifetimesMs.get(status) ?? lifetimesMs.get(Math.floor(status / 100));
  if (operatorMs !== undefined) return operatorMs;
  const changedMs = dateOf(all(headers, 'last-modified') ?? '');
  if (changedMs === null || !policy.respectsOrigin || heuristicRatio === 0) return null;
  if (!GUESSED.includes(status) && !isPublic) return null;
  const sinceMs = madeAt(response) - changedMs;
  return sinceMs > 0 ? Math.min(sinceMs * heuristicRatio, heuristicMaxMs) : null;
}

function staleness(told: Directives, policy: CachePolicy) {
  const { sharedMaxAge, staleWhileRevalidate, staleIfError } = told;
  if (told.mustRevalidate || told.proxyRevalidate) return null;
  const isShared = sharedMaxAge >= 0;
  if (isShared && staleWhileRevalidate < 0 && staleIfError < 0) return null;
  const operator = isShared ? 0 : 1;
  return {
    whileMs:
      staleWhileRevalidate >= 0
        ? staleWhileRevalidate * 1000
        : operator * policy.staleWhileRevalidateMs,
    ifErrorMs: staleIfError >= 0 ? staleIfError * 1000 : operator * policy.staleIfErrorMs,
  };
}

function ageOf(headers: RawHeaders): number {
  const age = (all(headers, 'age') ?? '').split(',')[0]!.trim();
  return /^\d+$/.test(age) ? Math.min(Number(age), 2 ** 31) : 0;
}

function madeAt({ date, receivedAtMs }: FetchedResponse): number {
  return dateOf(date) ?? receivedAtMs;
}

/** Dates of the one form that the test uses. */
function dateOf(text: string): number | null {
  const timeMs = Date.parse(text);
  return !Number.isNaN(timeMs) && new Date(timeMs).toUTCString() === text ? timeMs : null;
}

function all(headers: RawHeaders, name: string): string | null {
  const values = headers.filter((_, at) => at % 2 === 1 && headers[at - 1] === name);
  return values.length === 0 ? null : values.join(', ');
}

function first(headers: RawHeaders, name: string): string | undefined {
  return headers.find((_, at) => at % 2 === 1 && headers[at - 1] === name);
}
