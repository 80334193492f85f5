// Keeps the house in order: import layers, package homes, sizes, names, and the laws of the hot path.
// Every exception is listed here with its reason; a stale one fails, so the list can only shrink.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findCycles } from './support/tidy/layers.ts';
import { rules } from './support/tidy/rules.ts';
import { SourceFile } from './support/tidy/source-file.ts';

interface Exception {
  readonly rule: string;
  readonly file: string;
  /** How many violations of the rule the file has: exactly. */
  readonly count: number;
  readonly reason: string;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    rule: 'hot-path-promise',
    file: 'src/worker/serve.ts',
    count: 1,
    reason: 'the one place that asks whether a filter left the straight line',
  },
  {
    rule: 'hot-path-timer',
    file: 'src/worker/forward.ts',
    count: 1,
    reason: 'the back-off before a retry: only on the way of a failure',
  },
  {
    rule: 'hot-path-timer',
    file: 'src/worker/listener/sweeper.ts',
    count: 1,
    reason: 'the one timer of a listener, for what is slow',
  },
  {
    rule: 'hot-path-timer',
    file: 'src/worker/upstream/http1/sweeper.ts',
    count: 1,
    reason: 'the one timer per worker that looks after all deadlines',
  },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const files = globSync('{src,test,perf,native-bench,config}/**/*.ts', {
  cwd: ROOT,
  exclude: (path) => /(?:^|\/)(?:node_modules|fixtures|out)(?:\/|$)/.test(path),
})
  .sort()
  .map((path) => new SourceFile(path, readFileSync(`${ROOT}/${path}`, 'utf8')));

describe('tidy', () => {
  it('looks at the whole of src', () => {
    assert.ok(files.some(({ path }) => path === 'src/main.ts'));
    assert.ok(files.some(({ path }) => path === 'src/core/exchange.ts'));
  });

  for (const rule of rules) {
    it(`keeps the rule \`${rule.name}\``, () => {
      const problems = files
        .filter(({ path }) => rule.isAbout(path))
        .flatMap((file) => problemsOf(file, rule.name, rule.find(file)));
      assert.deepEqual(problems, [], problems.join('\n'));
    });
  }

  it('has no import cycles', () => {
    const cycles = findCycles(files).map((cycle) => cycle.join(' → '));
    assert.deepEqual(cycles, []);
  });

  it('lists exceptions for rules and files that exist', () => {
    for (const { rule, file } of EXCEPTIONS) {
      assert.ok(
        rules.some(({ name }) => name === rule),
        `no rule ${rule}`,
      );
      assert.ok(
        files.some(({ path }) => path === file),
        `no file ${file}`,
      );
    }
  });
});

function problemsOf(
  file: SourceFile,
  rule: string,
  violations: readonly { readonly line: number; readonly message: string }[],
): string[] {
  const exception = EXCEPTIONS.find((one) => one.rule === rule && one.file === file.path);
  const allowed = exception?.count ?? 0;
  if (violations.length < allowed) {
    return [
      `${file.path}: only ${violations.length} of ${allowed} exceptions left: lower the count`,
    ];
  }
  if (violations.length === allowed) return [];
  return violations.map(({ line, message }) => `${file.path}:${line}: ${message}`);
}
