// The result of the conformance run as a page: docs/caching-conformance.md.

import type { CacheTest, CacheTestGroup } from './cache-tests.ts';
import type { Difference, Verdict, Verdicts } from './verdict.ts';

const WORDS: Readonly<Record<Verdict, string>> = {
  pass: 'passes',
  fail: 'fails',
  unclear: 'breaks off',
  unjudged: 'not judged',
};

/** Returns the whole page. */
export function conformancePage(
  groups: readonly CacheTestGroup[],
  verdicts: Verdicts,
  differences: readonly Difference[],
): string {
  const byId = new Map(groups.flatMap(({ tests }) => tests.map((test) => [test.id, test])));
  return [
    '# How the cache does in http-tests/cache-tests',
    'Written by `make conformance ARGS=--write`; do not edit. The tests are those of `http-cache-tests`\n' +
      'on npm, run against `cache: true` on both front engines with the same outcome. The reasons are kept in\n' +
      '`test/conformance/differences.ts`; a test that does not pass and is not listed there fails the run, and\n' +
      'so does one that is listed and passes.',
    table([['group', 'required', 'optimal', 'checks: yes'], ...groups.map(countCells(verdicts))]),
    '`required`: a cache must. `optimal`: it could do better. Checks ask how caches behave, and take no answer\n' +
      'for wrong. Counted are those that pass, of all.',
    '## What does not pass, and why',
    ...differences.map(({ ids, reason }) => differencePart(ids, { reason, byId, verdicts })),
    '## Not judged',
    'They build on a test above that does not pass:',
    bullets(idsOf(verdicts, 'unjudged'), byId),
    '## Checks that say yes',
    bullets(
      idsOf(verdicts, 'pass').filter((id) => byId.get(id)!.kind === 'check'),
      byId,
    ),
    '',
  ].join('\n\n');
}

function countCells(verdicts: Verdicts): (group: CacheTestGroup) => string[] {
  return ({ name, tests }) => {
    const count = (kind: CacheTest['kind']): string => {
      const those = tests.filter((test) => (test.kind ?? 'required') === kind);
      const passed = those.filter(({ id }) => verdicts.get(id) === 'pass').length;
      return those.length === 0 ? '' : `${passed} of ${those.length}`;
    };
    return [name, count('required'), count('optimal'), count('check')];
  };
}

function differencePart(
  ids: readonly string[],
  { reason, byId, verdicts }: { reason: string; byId: Map<string, CacheTest>; verdicts: Verdicts },
): string {
  const lines = ids.map((id) => {
    const { name, kind = 'required' } = byId.get(id)!;
    const word = kind === 'check' ? 'no' : WORDS[verdicts.get(id)!];
    return `- \`${id}\` (${kind}, ${word}): ${name}`;
  });
  return `${reason}\n\n${lines.join('\n')}`;
}

function idsOf(verdicts: Verdicts, wanted: Verdict): string[] {
  return [...verdicts].filter(([, verdict]) => verdict === wanted).map(([id]) => id);
}

function bullets(ids: readonly string[], byId: Map<string, CacheTest>): string {
  return ids.map((id) => `- \`${id}\`: ${byId.get(id)!.name}`).join('\n');
}

function table([head = [], ...rows]: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
