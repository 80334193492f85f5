// What the result of a test means, and whether it is what we expect: all pass but those that are listed
// with a reason in differences.ts.

import type { CacheTest, CacheTestResult } from './cache-tests.ts';

/**
 * - `pass`: as it should be; of a `check`: the answer is yes
 * - `fail`: not as it should be; of a `check`: the answer is no
 * - `unclear`: it broke off before it came to its point (the suite: setup failure, retry)
 * - `unjudged`: a test that it builds on does not pass
 */
export type Verdict = 'pass' | 'fail' | 'unclear' | 'unjudged';

export type Verdicts = ReadonlyMap<string, Verdict>;

/** Tests that do not pass, and why that is right, or not to be had. */
export interface Difference {
  readonly ids: readonly string[];
  readonly reason: string;
}

/** Returns a verdict for each test; `results` has all of them. */
export function judge(
  tests: readonly CacheTest[],
  results: ReadonlyMap<string, CacheTestResult>,
): Verdicts {
  const verdicts = new Map<string, Verdict>();
  const byId = new Map(tests.map((test) => [test.id, test]));
  const verdictOf = (id: string): Verdict => {
    const known = verdicts.get(id);
    if (known !== undefined) return known;
    const dependencies = byId.get(id)?.depends_on ?? [];
    const isFounded = dependencies.every((other) => verdictOf(other) === 'pass');
    const verdict = isFounded ? ownVerdict(results.get(id)) : 'unjudged';
    verdicts.set(id, verdict);
    return verdict;
  };
  for (const { id } of tests) verdictOf(id);
  return verdicts;
}

function ownVerdict(result: CacheTestResult | undefined): Verdict {
  if (result === true) return 'pass';
  return result?.[0] === 'Setup' ? 'unclear' : 'fail';
}

/** Returns what is not as expected, a line each; none when all is well. */
export function surprises(verdicts: Verdicts, differences: readonly Difference[]): string[] {
  const lines: string[] = [];
  const listed = new Set(differences.flatMap(({ ids }) => ids));
  for (const [id, verdict] of verdicts) {
    if (verdict === 'pass' && listed.has(id)) lines.push(`${id} passes: it is listed no longer`);
    if ((verdict === 'fail' || verdict === 'unclear') && !listed.has(id)) {
      lines.push(`${id}: ${verdict}, and no reason for it is listed`);
    }
    if (verdict === 'unjudged' && listed.has(id)) {
      lines.push(`${id} is not judged: the reason of what it builds on is enough`);
    }
  }
  for (const id of listed) if (!verdicts.has(id)) lines.push(`${id} is no test`);
  return lines;
}
