// The whole cache against a model of a few lines, on random histories: requests of all kinds, a clock, a peer
// that changes its mind, breaks off or fails. What a client may be given is known by what the origin said.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { CacheWorld, type Script } from './cache-world.ts';

interface Step {
  readonly passS: number;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly target: string;
  readonly language: string;
  readonly wish: string;
  readonly answer: {
    readonly control: string;
    readonly status: number;
    readonly breaksOff: boolean;
    readonly hasTag: boolean;
  };
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    passS: fc.constantFrom(0, 0, 1, 1, 3, 5, 20, 100),
    method: fc.constantFrom(...new Array<'GET'>(8).fill('GET'), 'HEAD', 'POST'),
    target: fc.constantFrom('/a', '/a', '/b'),
    language: fc.constantFrom('de', 'de', 'en'),
    wish: fc.constantFrom('', '', '', 'no-cache', 'max-age=3', 'no-store'),
    answer: fc.record({
      control: fc.constantFrom(
        ...['max-age=10', 'max-age=10', 'max-age=2, stale-while-revalidate=10', 'no-store'],
        ...['private', 'no-cache', 'max-age=10, stale-if-error=50', 's-maxage=5', ''],
      ),
      status: fc.constantFrom(200, 200, 200, 200, 404, 500, 503),
      breaksOff: fc.constantFrom(...new Array<boolean>(9).fill(false), true),
      hasTag: fc.boolean(),
    }),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

/** What the origin once said, by the number that is in its body. */
interface Said {
  readonly target: string;
  readonly language: string;
  readonly control: string;
  readonly status: number;
  readonly isWhole: boolean;
  /** When it was said, or last confirmed by a 304, in s. */
  atS: number;
}

/** For how long an answer may be used without asking, and how long after that in place of a failure. */
function boundsOf(control: string): { readonly freshS: number; readonly staleS: number } {
  const read = (name: string) =>
    Number(new RegExp(`(?:^|, )${name}=(\\d+)`).exec(control)?.[1] ?? -1);
  const freshS = Math.max(read('s-maxage'), read('max-age'), 0);
  const swr = Math.max(read('stale-while-revalidate'), 0);
  const sie = read('stale-if-error');
  const byDefault = control.startsWith('s-maxage') ? 0 : 10;
  return { freshS, staleS: Math.max(swr, sie === -1 ? byDefault : sie) };
}

describe('the cache and a model of it', () => {
  it('give nobody what the origin would not have let them have', (test) => {
    const hits = { stored: 0, stale: 0, confirmed: 0 };
    fc.assert(
      fc.property(steps, (history) => {
        const outcome = run(test, history);
        hits.stored += outcome.stored;
        hits.stale += outcome.stale;
        hits.confirmed += outcome.confirmed;
      }),
      { numRuns: 300 },
    );
    // The histories are worth something only if the cache had something to do.
    assert.ok(hits.stored > 300 && hits.stale > 30 && hits.confirmed > 30, JSON.stringify(hits));
  });
});

function run(test: TestContext, history: readonly Step[]) {
  test.mock.timers.reset();
  const said: Said[] = [];
  let nowS = 0;
  let step = history[0]!;
  let asked = 0;
  const script: Script = ({ method, target, requestHeaders }) => {
    asked += 1;
    if (method === 'POST') return { status: 200 };
    const { control, status, breaksOff, hasTag } = step.answer;
    const tag = /"t(\d+)"/.exec(requestHeaders[requestHeaders.indexOf('if-none-match') + 1] ?? '');
    if (tag !== null && hasTag && requestHeaders.includes('if-none-match')) {
      said[Number(tag[1])]!.atS = nowS;
      const same = said[Number(tag[1])]!.control;
      return { status: 304, headers: ['cache-control', same, 'vary', 'accept-language'] };
    }
    const number = said.length;
    const language = requestHeaders[requestHeaders.indexOf('accept-language') + 1]!;
    said.push({ target, language, control, status, isWhole: !breaksOff, atS: nowS });
    const headers = ['vary', 'accept-language'];
    if (control !== '') headers.push('cache-control', control);
    if (hasTag) headers.push('etag', `"t${number}"`);
    return { status, headers, body: `${number};`, breaksOff };
  };
  const world = new CacheWorld(test, {}, script);
  const outcome = { stored: 0, stale: 0, confirmed: 0 };
  /** Numbers before this one were made invalid for the target. */
  const floor = new Map<string, number>();
  for (step of history) {
    world.pass(step.passS);
    nowS += step.passS;
    const before = said.length;
    const askedBefore = asked;
    const headers = ['accept-language', step.language];
    if (step.wish !== '') headers.push('cache-control', step.wish);
    const client = world.get(step.target, { method: step.method, headers });
    if (step.method === 'POST') {
      floor.set(step.target, said.length);
      continue;
    }
    assert.ok(client.state === 'ended' || client.state === 'failed');
    if (step.method === 'HEAD') continue;
    const found = said[Number(client.body.slice(0, -1))]!;
    const number = said.indexOf(found);
    assert.deepEqual([found.target, found.language], [step.target, step.language]);
    assert.equal(client.state === 'ended', found.isWhole);
    assert.equal(client.status, found.status);
    if (number >= before) continue;
    // It came from the store.
    const ageS = nowS - found.atS;
    const { freshS, staleS } = boundsOf(found.control);
    outcome.stored += 1;
    assert.ok(number >= (floor.get(step.target) ?? 0), 'used after a POST');
    assert.ok(found.isWhole && !/no-store|private/.test(found.control), found.control);
    const hasAsked = asked > askedBefore;
    if (client.cache === 'revalidated') {
      outcome.confirmed += 1;
      assert.deepEqual([ageS, hasAsked], [0, true]);
      continue;
    }
    if (ageS >= freshS) outcome.stale += 1;
    assert.ok(ageS < freshS + staleS, `${ageS} s old: ${found.control}`);
    if (ageS >= freshS) assert.ok(hasAsked || client.cache === 'stale');
    if (step.wish === 'no-cache') assert.ok(hasAsked);
    if (step.wish === 'max-age=3' && !hasAsked) assert.ok(ageS <= 3);
  }
  assert.equal(world.host.budget.bytes, 0);
  assert.equal(world.host.fills.size, 0);
  return outcome;
}
