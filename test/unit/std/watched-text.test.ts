// Files that change under a running proxy: replaced, spoilt, gone and back.

import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { WatchedText } from '../../../src/std/watched-text.ts';
import { until } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';

/** Replaces a file in one step: what is read is never half of it. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** A file with a number in it. */
function numberIn(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number)) throw new Error(`expected a number, got '${text}'`);
  return number;
}

function watchNumber(context: TestContext, path: string) {
  const problems: string[] = [];
  const onProblem = (detail: string) => problems.push(detail);
  const watched = new WatchedText({ path, parse: numberIn, onProblem, lookMs: 5 });
  context.after(() => watched.close());
  return { watched, problems };
}

describe('WatchedText', () => {
  it('takes over what replaces the file', async (context) => {
    const path = createTempDir(context).file('number');
    replace(path, '1');
    const { watched } = watchNumber(context, path);
    assert.deepEqual([watched.value, watched.version], [1, 1]);
    replace(path, '22');
    await until(() => watched.value === 22, { what: 'the new number' });
    assert.equal(watched.version, 2);
  });

  it('keeps the last right one while the file is wrong or gone, and says why', async (context) => {
    const path = createTempDir(context).file('number');
    replace(path, '1');
    const { watched, problems } = watchNumber(context, path);
    replace(path, 'two');
    await until(() => problems.length > 0, { what: 'the problem' });
    assert.match(problems[0] ?? '', /number: expected a number, got 'two'/);
    rmSync(path);
    await until(() => problems.some((one) => one.includes('ENOENT')), { what: 'its absence' });
    assert.deepEqual([watched.value, watched.version], [1, 1]);
    replace(path, '333');
    await until(() => watched.value === 333, { what: 'the next number' });
  });

  it('names a file that is wrong or missing at first', (context) => {
    const folder = createTempDir(context);
    writeFileSync(folder.file('wrong'), 'one');
    assert.throws(() => watchNumber(context, folder.file('wrong')), /wrong: expected a number/);
    assert.throws(() => watchNumber(context, folder.file('none')), /none: ENOENT/);
  });
});
