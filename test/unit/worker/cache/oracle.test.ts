// The decisions next to those of http-cache-semantics, on random answers. Where the two differ there is a
// reason, and it stands in `differences`: an answer that differs for no listed reason fails the test.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import CachePolicy from 'http-cache-semantics';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { parseCacheControl } from '../../../../src/worker/cache/cache-control.ts';
import { decideReuse } from '../../../../src/worker/cache/reuse.ts';
import { decideStore } from '../../../../src/worker/cache/store-decision.ts';
import { matchesVary } from '../../../../src/worker/cache/vary.ts';
import { defaultPolicy, NOON_MS } from './cache-world.ts';

interface Case {
  readonly status: number;
  readonly directives: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
  readonly hasCookie: boolean;
  readonly isAuthorized: boolean;
  readonly laterS: number;
}

/** Why the two may differ; each is right by the RFC on our side. */
interface Difference<T> {
  readonly why: string;
  readonly is: (given: T) => boolean;
}

const differences: readonly Difference<Case>[] = [
  {
    why: 'the library has no must-understand (RFC 9111 section 5.2.2.3)',
    is: ({ directives }) => directives.includes('must-understand'),
  },
  {
    why: 'the library takes no-cache="…" and private="…" for the unqualified forms',
    is: ({ directives }) => directives.some((one) => one.includes('="x-a"')),
  },
  {
    why: 'the library stores answers with Set-Cookie when they are public; here never, unless told',
    is: ({ hasCookie }) => hasCookie,
  },
  {
    why: 'the library takes immutable for a lifetime of 24 h; RFC 8246 gives it none',
    is: ({ directives }) => directives.includes('immutable'),
  },
  {
    why: 'the library validates these before they are stale; sections 5.2.2.2 and 5.2.2.8 say once stale',
    is: ({ directives }) =>
      directives.includes('must-revalidate') || directives.includes('proxy-revalidate'),
  },
  {
    why: 'the library takes no 5xx but 501 for understood',
    is: ({ status }) => status === 500 || status === 503,
  },
];

const rarely = fc.constantFrom(true, ...new Array<boolean>(9).fill(false));

const cases: fc.Arbitrary<Case> = fc.record({
  status: fc.constantFrom(200, 200, 200, 204, 301, 302, 404, 410, 206, 500, 503),
  directives: fc.uniqueArray(
    fc.constantFrom(
      ...['max-age=0', 'max-age=10', 'max-age=100', 's-maxage=20', 'public', 'private'],
      ...['no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate', 'immutable'],
      ...['no-cache="x-a"', 'private="x-a"', 'must-understand'],
    ),
    { maxLength: 3, selector: (directive) => directive.replace(/=.*/, '') },
  ),
  fields: fc.record(
    {
      expires: fc.constantFrom('0', date(-10), date(10), date(1000)),
      etag: fc.constant('"x"'),
      'last-modified': fc.constantFrom(date(-1000), date(-100_000)),
      age: fc.constantFrom('0', '5', '50'),
    },
    { requiredKeys: [] },
  ),
  hasCookie: rarely,
  isAuthorized: rarely,
  laterS: fc.constantFrom(0, 7, 15, 40, 150),
});

function date(seconds: number): string {
  return new Date(NOON_MS + seconds * 1000).toUTCString();
}

/** Whether the answer is used some time later without asking anybody. */
function ours(given: Case): boolean {
  const { status, directives, fields, isAuthorized, laterS } = given;
  const headers: RawHeaders = Object.entries(fields).flat();
  if (given.hasCookie) headers.push('set-cookie', 'a=b');
  if (directives.length > 0) headers.push('cache-control', directives.join(', '));
  const request = {
    ...{ key: 'k', url: 'u', route: 'r', origin: 'o', generation: 0, headers: [], isAuthorized },
  };
  const times = { byteLength: -1, sentAtMs: NOON_MS, receivedAtMs: NOON_MS };
  const response = { status, headers, date: date(0), ...times };
  const decision = decideStore(request, response, { ...defaultPolicy, staleIfErrorMs: 0 });
  if (typeof decision === 'string') return false;
  return decideReuse(decision, null, NOON_MS + laterS * 1000) === 'fresh';
}

function theirs(given: Case, now: (ms: number) => void): boolean {
  const { status, directives, fields, isAuthorized, laterS } = given;
  const headers: Record<string, string> = { date: date(0), ...fields };
  if (given.hasCookie) headers['set-cookie'] = 'a=b';
  if (directives.length > 0) headers['cache-control'] = directives.join(', ');
  const request = { url: '/', method: 'GET', headers: isAuthorized ? { authorization: 'x' } : {} };
  now(NOON_MS);
  const policy = new CachePolicy(request as never, { status, headers }, { shared: true });
  now(NOON_MS + laterS * 1000);
  return policy.storable() && policy.satisfiesWithoutRevalidation(request as never);
}

/** A stored answer and a request that might be answered from it. */
interface Asking {
  readonly directives: readonly string[];
  readonly wishes: readonly string[];
  readonly vary: string;
  readonly before: Readonly<Record<string, string>>;
  readonly after: Readonly<Record<string, string>>;
  readonly laterS: number;
}

const wishDifferences: readonly Difference<Asking>[] = [
  {
    why: 'the library validates these before they are stale; section 5.2.2.2 says once stale',
    is: ({ directives }) => directives.includes('must-revalidate'),
  },
  {
    why: 'the library lets max-stale have what s-maxage rules out (section 5.2.2.10)',
    is: ({ directives, wishes }) =>
      directives.includes('s-maxage=50') && wishes.some((wish) => wish.startsWith('max-stale')),
  },
];

const selecting = fc.record(
  { 'x-a': fc.constantFrom('1', '2'), 'x-b': fc.constantFrom('1', '2') },
  { requiredKeys: [] },
);

const asking: fc.Arbitrary<Asking> = fc.record({
  directives: fc.uniqueArray(
    fc.constantFrom('max-age=10', 'max-age=100', 'max-age=100', 'must-revalidate', 's-maxage=50'),
    { minLength: 1, maxLength: 2, selector: (directive) => directive.replace(/=.*/, '') },
  ),
  wishes: fc.uniqueArray(
    fc.constantFrom(
      ...['no-cache', 'max-age=0', 'max-age=20', 'max-age=1000', 'min-fresh=5', 'min-fresh=60'],
      ...['max-stale', 'max-stale=20', 'max-stale=200', 'no-transform'],
    ),
    { maxLength: 2, selector: (directive) => directive.replace(/=.*/, '') },
  ),
  vary: fc.constantFrom('', '', '', 'X-A', 'x-b, X-A', '*'),
  before: selecting,
  after: selecting,
  laterS: fc.constantFrom(0, 7, 15, 40, 95, 150),
});

function oursFor({ directives, wishes, vary, before, after, laterS }: Asking): boolean {
  const headers: RawHeaders = ['cache-control', directives.join(', ')];
  if (vary !== '') headers.push('vary', vary);
  const request = {
    ...{ key: 'k', url: 'u', route: 'r', origin: 'o', generation: 0, isAuthorized: false },
    headers: Object.entries(before).flat(),
  };
  const times = { byteLength: -1, sentAtMs: NOON_MS, receivedAtMs: NOON_MS };
  const response = { status: 200, headers, date: date(0), ...times };
  const decision = decideStore(request, response, { ...defaultPolicy, staleIfErrorMs: 0 });
  if (typeof decision === 'string') return false;
  if (!matchesVary(decision.vary, Object.entries(after).flat())) return false;
  const wanted = wishes.length === 0 ? null : parseCacheControl(wishes.join(', '));
  const reuse = decideReuse(decision, wanted, NOON_MS + laterS * 1000);
  return reuse === 'fresh' || reuse === 'allowed';
}

function theirsFor(given: Asking, now: (ms: number) => void): boolean {
  const { directives, wishes, vary, before, after, laterS } = given;
  const headers: Record<string, string> = { date: date(0), 'cache-control': directives.join(', ') };
  if (vary !== '') headers['vary'] = vary;
  const asked = (fields: object) => ({ url: '/', method: 'GET', headers: fields }) as never;
  now(NOON_MS);
  const policy = new CachePolicy(asked(before), { status: 200, headers }, { shared: true });
  now(NOON_MS + laterS * 1000);
  const wished = wishes.length === 0 ? after : { ...after, 'cache-control': wishes.join(', ') };
  return policy.storable() && policy.satisfiesWithoutRevalidation(asked(wished));
}

describe('the decision to reuse', () => {
  it('is that of http-cache-semantics, but for what is listed', (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: NOON_MS });
    let same = 0;
    let reused = 0;
    fc.assert(
      fc.property(cases, (given) => {
        const mine = ours(given);
        const other = theirs(given, (ms) => test.mock.timers.setTime(ms));
        if (mine === other) {
          same += 1;
          if (mine) reused += 1;
          return;
        }
        const reasons = differences.filter(({ is }) => is(given)).map(({ why }) => why);
        assert.ok(reasons.length > 0, `here ${mine}, there ${other}: ${JSON.stringify(given)}`);
      }),
      { numRuns: 5000 },
    );
    // Both said yes and both said no often enough for the comparison to mean something.
    assert.ok(same > 3500 && reused > 300, `${same} alike, ${reused} of them reused`);
  });

  it('heeds the wishes of clients and Vary as http-cache-semantics does, but for what is listed', (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: NOON_MS });
    let same = 0;
    let reused = 0;
    fc.assert(
      fc.property(asking, (given) => {
        const mine = oursFor(given);
        const other = theirsFor(given, (ms) => test.mock.timers.setTime(ms));
        if (mine === other) {
          same += 1;
          if (mine) reused += 1;
          return;
        }
        const reasons = wishDifferences.filter(({ is }) => is(given)).map(({ why }) => why);
        assert.ok(reasons.length > 0, `here ${mine}, there ${other}: ${JSON.stringify(given)}`);
      }),
      { numRuns: 5000 },
    );
    assert.ok(same > 3500 && reused > 500, `${same} alike, ${reused} of them reused`);
  });
});
