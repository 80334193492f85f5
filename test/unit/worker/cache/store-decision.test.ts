// What may be stored, for how long, and when a stored answer may be used: the rules one by one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoredResponse } from '../../../../src/core/cache.ts';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { parseCacheControl } from '../../../../src/worker/cache/cache-control.ts';
import { isNotModified } from '../../../../src/worker/cache/conditional.ts';
import { isAbout, mergedFields } from '../../../../src/worker/cache/merge-head.ts';
import type { CachePolicy } from '../../../../src/worker/cache/policy.ts';
import { decideReuse, standsInForFailure } from '../../../../src/worker/cache/reuse.ts';
import { decideStore } from '../../../../src/worker/cache/store-decision.ts';
import { defaultPolicy, NOON_MS } from './cache-world.ts';

interface Given {
  readonly status?: number;
  readonly sent?: RawHeaders;
  readonly date?: string;
  readonly policy?: Partial<CachePolicy>;
  /** How long the peer took, in ms. */
  readonly tookMs?: number;
  readonly isAuthorized?: boolean;
}

function decide(headers: RawHeaders, given: Given = {}): StoredResponse | string {
  const { status = 200, sent = [], date = new Date(NOON_MS).toUTCString(), tookMs = 0 } = given;
  const request = {
    key: 'k',
    url: 'http://example.com/',
    route: 'test',
    origin: 'http://example.com',
    headers: sent,
    isAuthorized: given.isAuthorized ?? false,
    generation: 0,
  };
  const times = { byteLength: -1, sentAtMs: NOON_MS - tookMs, receivedAtMs: NOON_MS };
  const response = { status, headers, date, ...times };
  return decideStore(request, response, { ...defaultPolicy, ...given.policy });
}

function stored(headers: RawHeaders, given: Given = {}): StoredResponse {
  const decision = decide(headers, given);
  assert.equal(typeof decision, 'object', `not stored: ${decision}`);
  return decision as StoredResponse;
}

/** Seconds of freshness that are left. */
function freshS(headers: RawHeaders, given: Given = {}): number {
  return (stored(headers, given).freshUntilMs - NOON_MS) / 1000;
}

const at = (ms: number) => new Date(NOON_MS + ms).toUTCString();
const hourMs = 3600_000;

describe('freshness', () => {
  it('is that of s-maxage, of max-age, of Expires, in this order', () => {
    const expires = ['expires', at(10_000)];
    assert.equal(freshS(['cache-control', 'max-age=20, s-maxage=30', ...expires]), 30);
    assert.equal(freshS(['cache-control', 'max-age=20', ...expires]), 20);
    assert.equal(freshS(expires), 10);
    assert.equal(freshS(['cache-control', 'max-age=20', 'cache-control', 'max-age=50']), 20);
  });

  it('counts Expires from Date, not from now', () => {
    assert.equal(freshS(['expires', at(0)], { date: at(-60_000) }), 0);
    assert.equal(freshS(['expires', at(60_000)], { date: at(-60_000) }), 60);
  });

  it('is over where Expires is no date', () => {
    assert.equal(freshS(['expires', '0', 'etag', '"x"']), 0);
    assert.equal(freshS(['expires', `${at(1000)}, ${at(2000)}`, 'etag', '"x"']), 0);
  });

  it('is shorter by the age that an answer comes with', () => {
    assert.equal(freshS(['cache-control', 'max-age=60', 'age', '20']), 40);
    assert.equal(freshS(['cache-control', 'max-age=60'], { date: at(-15_000) }), 45);
    assert.equal(freshS(['cache-control', 'max-age=60', 'age', '20'], { tookMs: 5000 }), 35);
    assert.equal(freshS(['cache-control', 'max-age=60', 'age', 'old']), 60);
    // A clock that is ahead makes nothing fresher.
    assert.equal(freshS(['cache-control', 'max-age=60'], { date: at(15_000) }), 60);
    assert.equal(freshS(['cache-control', 'max-age=60'], { date: '' }), 60);
  });

  it('is a tenth of the time since the last change, a day at most, where nobody says anything', () => {
    assert.equal(freshS(['last-modified', at(-10 * hourMs)]), 3600);
    assert.equal(freshS(['last-modified', at(-1000 * hourMs)]), 24 * 3600);
    assert.equal(decide(['last-modified', at(-10 * hourMs)], { status: 302 }), 'no-lifetime');
    assert.equal(decide(['last-modified', at(hourMs)]), 'no-lifetime');
    const off = { policy: { heuristicRatio: 0 } };
    assert.equal(decide(['last-modified', at(-10 * hourMs)], off), 'no-lifetime');
    assert.equal(decide(['etag', '"x"']), 'no-lifetime');
  });

  it('is what CDN-Cache-Control says, and nothing else, where it is well-formed', () => {
    const rest = ['cache-control', 'no-store', 'expires', at(10_000)];
    assert.equal(freshS(['cdn-cache-control', 'max-age=70', ...rest]), 70);
    assert.equal(decide(['cdn-cache-control', 'max-age="70"x', ...rest]), 'no-store');
    assert.equal(
      decide(['cdn-cache-control', 'no-store', 'cache-control', 'max-age=9']),
      'no-store',
    );
    assert.equal(decide(['cdn-cache-control', 'etag', 'expires', at(9000)]), 'no-lifetime');
  });
});

describe('what is not stored', () => {
  const fresh = ['cache-control', 'max-age=60'];

  it('is what the origin forbids', () => {
    assert.equal(decide(['cache-control', 'max-age=60, no-store']), 'no-store');
    assert.equal(decide(['cache-control', 'max-age=60, private']), 'private');
    assert.equal(decide(['cache-control', 'max-age=60', 'cache-control', 'Private']), 'private');
    assert.equal(decide([...fresh, 'vary', 'accept, *']), 'vary');
  });

  it('is a part, a 304 and an interim answer', () => {
    for (const status of [206, 304, 101]) assert.equal(decide(fresh, { status }), 'status');
  });

  it('is an answer to a request with Authorization, unless it is public in one of three ways', () => {
    const isAuthorized = true;
    assert.equal(decide(fresh, { isAuthorized }), 'authorization');
    for (const word of ['public', 's-maxage=60', 'must-revalidate']) {
      stored(['cache-control', `max-age=60, ${word}`], { isAuthorized });
    }
  });

  it('is an answer with Set-Cookie, unless that is withheld', () => {
    const cookie = ['set-cookie', 'session=1'];
    assert.equal(decide([...fresh, ...cookie]), 'set-cookie');
    for (const word of ['no-cache="Set-Cookie"', 'private="set-cookie"']) {
      const kept = stored(['cache-control', `max-age=60, ${word}`, ...cookie]);
      assert.equal(kept.headers.includes('set-cookie'), false);
    }
    const told = stored([...fresh, ...cookie], { policy: { storesSetCookie: true } });
    assert.equal(told.headers.includes('set-cookie'), false);
  });

  it('is what must be understood and is not', () => {
    const word = ['cache-control', 'max-age=60, must-understand, no-store'];
    assert.equal(decide(word, { status: 299 }), 'status');
    stored(word);
  });

  it('are fields for caches only, and those that the origin withholds', () => {
    const { headers } = stored([
      ...['cache-control', 'max-age=60, no-cache="X-User"', 'x-user', 'me', 'age', '5'],
      ...['surrogate-key', 'a b', 'cache-tag', 'c', 'x-other', '1'],
    ]);
    assert.deepEqual(headers, ['cache-control', 'max-age=60, no-cache="X-User"', 'x-other', '1']);
  });
});

describe('tags', () => {
  it('come from three fields, groups also with their origin', () => {
    const { tags } = stored([
      ...['cache-control', 'max-age=60', 'surrogate-key', 'a  b', 'cache-tag', 'c d, e'],
      ...['cache-groups', '"f", "g h"'],
    ]);
    const groups = ['group http://example.com f', 'group http://example.com g h'];
    assert.deepEqual(tags, ['a', 'b', 'c d', 'e', 'f', 'g h', ...groups]);
  });
});

describe('staleness', () => {
  const lateMs = NOON_MS + 65_000;
  const reuse = (word: string, policy: Partial<CachePolicy> = {}) =>
    decideReuse(stored(['cache-control', word, 'etag', '"x"'], { policy }), null, lateMs);

  it('is allowed by stale-while-revalidate, and ruled out by the origin', () => {
    const told = { staleWhileRevalidateMs: 60_000 };
    assert.equal(reuse('max-age=60'), 'validate');
    assert.equal(reuse('max-age=60, stale-while-revalidate=10'), 'stale');
    assert.equal(reuse('max-age=60', told), 'stale');
    assert.equal(reuse('max-age=60, must-revalidate', told), 'validate');
    assert.equal(reuse('max-age=60, proxy-revalidate', told), 'validate');
    assert.equal(reuse('s-maxage=60', told), 'validate');
    assert.equal(reuse('s-maxage=60, stale-while-revalidate=10'), 'stale');
    assert.equal(reuse('max-age=600, no-cache', told), 'validate');
  });

  it('is allowed for failures by stale-if-error', () => {
    const stands = (word: string) =>
      standsInForFailure(stored(['cache-control', word, 'etag', '"x"']), lateMs);
    assert.equal(stands('max-age=60, stale-if-error=10'), true);
    assert.equal(stands('max-age=60, stale-if-error=2'), false);
    assert.equal(stands('max-age=60, stale-if-error=10, must-revalidate'), false);
    assert.equal(stands('max-age=600, no-cache, stale-if-error=1000'), false);
  });

  it('is taken by clients who say so, where the origin lets them', () => {
    const wishes = parseCacheControl('max-stale=10');
    const ask = (word: string) =>
      decideReuse(stored(['cache-control', word, 'etag', '"x"']), wishes, lateMs);
    assert.equal(ask('max-age=60'), 'allowed');
    assert.equal(ask('max-age=50'), 'validate');
    assert.equal(ask('max-age=60, must-revalidate'), 'validate');
  });
});

describe('a 304', () => {
  const kept = stored(['cache-control', 'max-age=60', 'etag', '"1"', 'content-encoding', 'gzip']);

  it('replaces the fields that it has, but not those of the body, nor cookies', () => {
    const fields = mergedFields(kept.headers, [
      ...['cache-control', 'max-age=9', 'content-encoding', 'br', 'set-cookie', 'a=b', 'x-a', '1'],
      ...['content-md5', 'x', 'content-digest', 'sha-256=:x:'],
    ]);
    assert.deepEqual(fields, [
      ...['etag', '"1"', 'content-encoding', 'gzip', 'cache-control', 'max-age=9', 'x-a', '1'],
    ]);
  });

  it('leaves a weak tag weak: the stored bytes need not be those of the strong one', () => {
    const decoded = stored(['cache-control', 'max-age=60', 'etag', 'W/"1"']);
    const fields = mergedFields(decoded.headers, ['etag', '"1"', 'x-a', '1']);
    assert.deepEqual(fields, ['cache-control', 'max-age=60', 'etag', 'W/"1"', 'x-a', '1']);
  });

  it('is about the stored answer when its validator is', () => {
    assert.equal(isAbout(kept, ['etag', 'W/"1"']), true);
    assert.equal(isAbout(kept, []), true);
    assert.equal(isAbout(kept, ['etag', '"2"']), false);
  });
});

describe('conditions of a client', () => {
  const kept = stored([
    'cache-control',
    'max-age=60',
    'etag',
    'W/"a,b"',
    'last-modified',
    at(-hourMs),
  ]);

  it('are compared weakly by tag, and by date only without tags', () => {
    for (const list of ['W/"a,b"', '"a,b"', '"x", W/"a,b"', '*']) {
      assert.equal(isNotModified(kept, list, ''), true, list);
    }
    for (const list of ['"a"', 'a,b', '""']) assert.equal(isNotModified(kept, list, at(0)), false);
    assert.equal(isNotModified(kept, '', at(-hourMs)), true);
    assert.equal(isNotModified(kept, '', at(-2 * hourMs)), false);
    assert.equal(isNotModified(kept, '', 'yesterday'), false);
  });
});
