// Verdicts of the conformance run: what counts as passing, what hangs on what, and that nothing that changes
// goes unnoticed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { CacheTest, CacheTestResult } from '../../conformance/cache-tests.ts';
import { differences } from '../../conformance/differences.ts';
import { judge, surprises } from '../../conformance/verdict.ts';

const tests: CacheTest[] = [
  { id: 'child', name: '', depends_on: ['parent'] },
  { id: 'parent', name: '' },
  { id: 'good', name: '' },
  { id: 'broken', name: '' },
];
const results = new Map<string, CacheTestResult>([
  ['child', true],
  ['parent', ['Assertion', 'is wrong']],
  ['good', true],
  ['broken', ['Setup', 'retry']],
]);

describe('verdicts', () => {
  it('tell what passes, and what cannot be told', () => {
    assert.deepEqual(Object.fromEntries(judge(tests, results)), {
      child: 'unjudged',
      parent: 'fail',
      good: 'pass',
      broken: 'unclear',
    });
  });

  it('surprise when nobody has listed them, and when what is listed passes', () => {
    const verdicts = judge(tests, results);
    const expected = [{ ids: ['parent', 'broken'], reason: '' }];
    assert.deepEqual(surprises(verdicts, expected), []);
    assert.deepEqual(
      surprises(verdicts, [{ ids: ['good', 'parent', 'child', 'old'], reason: '' }]),
      [
        'child is not judged: the reason of what it builds on is enough',
        'good passes: it is listed no longer',
        'broken: unclear, and no reason for it is listed',
        'old is no test',
      ],
    );
  });

  it('are in the page, each difference once and with its reason', () => {
    const page = readFileSync(
      new URL('../../../docs/caching-conformance.md', import.meta.url),
      'utf8',
    );
    const ids = differences.flatMap((difference) => difference.ids);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.ok(page.includes(`\n- \`${id}\` (`), id);
    for (const { reason } of differences) assert.ok(page.includes(`\n${reason}\n`), reason);
  });
});
