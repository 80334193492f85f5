// What is remembered from one decision to the next never shows: random answers, one after the other, are
// decided about as by a model that remembers nothing, and as in any other order.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import type {
  CachePolicy,
  FetchedRequest,
  FetchedResponse,
} from '../../../../src/worker/cache/policy.ts';
import { decideOn, decideStore } from '../../../../src/worker/cache/store-decision.ts';
import { KnownTerms, termsOf } from '../../../../src/worker/cache/store-terms.ts';
import { createSeededRandom, testSeed } from '../../../support/random.ts';
import { defaultPolicy, NOON_MS } from './cache-world.ts';
import { decidePlainly } from './plain-decision.ts';

interface Decided {
  readonly request: FetchedRequest;
  readonly response: FetchedResponse;
  readonly policy: CachePolicy;
}

const date = (seconds: number) => new Date(NOON_MS + seconds * 1000).toUTCString();
const one = (...texts: readonly string[]) => fc.constantFrom(...texts);

const word = fc
  .uniqueArray(
    one(
      ...[
        'max-age=0',
        'max-age=10',
        'max-age=100',
        's-maxage=20',
        's-maxage=0',
        'public',
        'private',
      ],
      ...['no-store', 'no-cache', 'must-revalidate', 'proxy-revalidate', 'must-understand'],
      ...['no-cache="x-a"', 'private="set-cookie, x-a"', 'stale-while-revalidate=5', 'max-age=x'],
      ...['stale-if-error=7', 'stale-if-error=0', 'ext="a', 'Public'],
    ),
    { maxLength: 3 },
  )
  .map((directives) => directives.join(', '));

/** Names in the proportions that make all rules matter. */
const field: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('cache-control'), word) },
  fc.tuple(
    fc.constant('cdn-cache-control'),
    one('max-age=30', 'no-store', 'max-age="3', 's-maxage=9, stale-if-error', '', 'a=?0'),
  ),
  fc.tuple(one('pragma'), one('no-cache', 'No-Cache', 'x')),
  { weight: 2, arbitrary: fc.tuple(one('expires'), one('0', date(-5), date(10), date(9999), '')) },
  fc.tuple(one('age'), one('0', '5', ' 7', '9, 3', 'old', '-1', '99999999999')),
  {
    weight: 2,
    arbitrary: fc.tuple(
      one('vary'),
      one(
        'accept-encoding',
        'Accept-Encoding',
        'x-a, accept-language',
        '*',
        '',
        'x-made',
        'x-a,,X-A',
      ),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(one('etag'), one('"x"', 'W/"y"', '')) },
  {
    weight: 2,
    arbitrary: fc.tuple(one('last-modified'), one(date(-1000), date(-9e6), date(9), '')),
  },
  fc.tuple(one('set-cookie'), one('a=b')),
  fc.tuple(one('surrogate-key', 'cache-tag'), one('a b', 'c,d', '')),
  fc.tuple(one('cache-groups'), one('"a", "b"', 'a, "')),
  // As long as names that count.
  { weight: 3, arbitrary: fc.tuple(one('x-a', 'via', 'link', 'server', 'x-other-long'), one('1')) },
);

const requestFields = fc
  .record(
    {
      'accept-encoding': one('gzip', 'br, gzip', 'gzip;q=0.5, br', 'identity', '', 'GZIP'),
      'accept-language': one('en', 'de, en;q=0.5', 'en;q=0.5, de'),
      'x-a': one('1', '2', ' 2'),
      accept_language: one('en'),
    },
    { requiredKeys: [] },
  )
  .map((fields) => Object.entries(fields).flat() as RawHeaders);

const isMadeHere = (name: string) => name === 'x-made';
const policies: readonly CachePolicy[] = [
  defaultPolicy,
  { ...defaultPolicy, isMadeHere },
  { ...defaultPolicy, respectsOrigin: false, lifetimesMs: new Map([[2, 5000]]) },
  {
    ...defaultPolicy,
    lifetimesMs: new Map([
      [200, 5000],
      [4, 0],
    ]),
    staleIfErrorMs: 0,
  },
  { ...defaultPolicy, storesSetCookie: true, heuristicRatio: 0, staleWhileRevalidateMs: 9000 },
];

const decided: fc.Arbitrary<Decided> = fc
  .record({
    status: fc.constantFrom(200, 200, 200, 200, 204, 206, 302, 304, 404, 500, 299),
    fields: fc.array(field, { maxLength: 8 }),
    sent: requestFields,
    policy: fc.constantFrom(...policies),
    date: one(date(0), date(0), date(-3), date(5), '', 'yesterday'),
    tookMs: fc.constantFrom(0, 30, 2500),
    isAuthorized: fc.constantFrom(false, false, false, true),
    byteLength: fc.constantFrom(-1, 0, 1024),
  })
  .map(({ status, fields, sent, policy, date: made, tookMs, isAuthorized, byteLength }) => {
    const request = {
      ...{ key: 'k', url: 'http://a/', route: 'r', origin: 'http://a', generation: 3 },
      ...{ headers: sent, isAuthorized },
    };
    const times = { sentAtMs: NOON_MS - tookMs, receivedAtMs: NOON_MS };
    const response = { status, headers: fields.flat(), byteLength, date: made, ...times };
    return { request, response, policy };
  });

/** Other values for some of the fields above. */
const otherValues: Readonly<Record<string, readonly string[]>> = {
  'cache-control': ['max-age=10', 'max-age=100, public', 's-maxage=20', 'private'],
  'cdn-cache-control': ['max-age=30', 'max-age=31', 'no-store'],
  pragma: ['no-cache', 'x'],
  expires: [date(10), date(9999), '0'],
  age: ['0', '5', '7'],
  vary: ['accept-encoding', 'x-a', '*'],
  etag: ['"x"', '"y"', ''],
  'last-modified': [date(-1000), date(-9e6), ''],
  'surrogate-key': ['a b', 'c'],
  'cache-tag': ['a', 'b,c'],
  'cache-groups': ['"a"', '"b"'],
};

/** Answers of few kinds, that is with the same names; most values stay the same, too. */
const alike = fc
  .tuple(
    fc.array(decided, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(2), decided, fc.array(fc.nat(20), { maxLength: 16 })), {
      ...{ minLength: 10, maxLength: 30 },
    }),
  )
  .map(([kinds, others]) =>
    others.map(([number, other, picks]): Decided => {
      const { request, response, policy } = kinds[number % kinds.length]!;
      const headers = response.headers.map((text, at) => {
        const values = at % 2 === 0 ? undefined : otherValues[response.headers[at - 1]!];
        return values?.[picks[at] ?? values.length] ?? text;
      });
      const isAuthorized = request.isAuthorized && other.request.isAuthorized;
      return {
        request: { ...other.request, isAuthorized },
        response: { ...other.response, status: response.status, headers },
        policy,
      };
    }),
  );

function assertPlain(
  decision: ReturnType<typeof decideStore>,
  { request, response, policy }: Decided,
): void {
  const expected = decidePlainly(request, response, policy);
  if (typeof decision === 'string') {
    assert.equal(decision, expected);
    return;
  }
  const { vary, varyKey, ...rest } = decision;
  const varyNames = vary.filter((_, at) => at % 2 === 0);
  assert.deepEqual({ ...rest, varyNames }, expected);
  const pairs = varyNames.map((name, at) => `${name}:${vary[2 * at + 1]}\n`);
  assert.equal(varyKey, pairs.join(''));
  assert.notEqual(decision.headers, response.headers);
}

const runs = { seed: testSeed(), numRuns: 300 };
const sequences = fc.array(decided, { minLength: 10, maxLength: 40 });

describe('a decision to store', () => {
  it('is that of a model that remembers nothing', () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(sequences, (sequence) => {
        for (const { request, response, policy } of sequence) {
          const before = response.headers.slice();
          const decision = decideStore(request, response, policy);
          const what = typeof decision === 'string' ? decision : 'stored';
          counts.set(what, (counts.get(what) ?? 0) + 1);
          assertPlain(decision, { request, response, policy });
          assert.deepEqual(response.headers, before);
        }
      }),
      runs,
    );
    // The model is of no use where all end alike.
    for (const what of ['stored', 'no-store', 'private', 'set-cookie', 'vary', 'no-lifetime']) {
      assert.ok(counts.get(what)! > 10, `${what}: ${counts.get(what)}`);
    }
  });

  it('is the same in any order', () => {
    fc.assert(
      fc.property(sequences, fc.nat(), (sequence, seed) => {
        const decide = ({ request, response, policy }: Decided) =>
          structuredClone(decideStore(request, response, policy));
        const inOrder = sequence.map(decide);
        const order = createSeededRandom(seed).shuffle(sequence.map((_, at) => at));
        for (const at of order) assert.deepEqual(decide(sequence[at]!), inOrder[at]);
        for (const at of order) assert.deepEqual(decide(sequence[at]!), inOrder[at]);
      }),
      runs,
    );
  });

  it('is the same for answers that are like earlier ones', () => {
    let known = 0;
    let answers = 0;
    fc.assert(
      fc.property(alike, (sequence) => {
        const memories = new Map<CachePolicy, KnownTerms>();
        const seen = new Set<object>();
        for (const one of sequence) {
          const { request, response, policy } = one;
          const memory = memories.get(policy) ?? new KnownTerms(policy);
          memories.set(policy, memory);
          const { status, headers } = response;
          const terms = memory.of(status, headers, request.isAuthorized);
          assert.deepEqual(
            terms.refusal,
            termsOf(status, headers, request.isAuthorized, policy).refusal,
          );
          assertPlain(decideOn(terms, request, response, policy), one);
          answers += 1;
          if (seen.has(terms)) known += 1;
          seen.add(terms);
        }
      }),
      runs,
    );
    assert.ok(known > answers / 4, `${known} of ${answers}`);
  });
});
