// The types of defineConfig: what must fail to type-check fails, on exactly the lines that say so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '../../../src/config/define.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const fixtures = `${root}test/fixtures/define`;

describe('defineConfig', () => {
  it('returns what it is given', () => {
    const config = {
      upstreams: { app: { peers: ['http://a'] } },
      routes: [{ to: 'app' as const }],
    };
    assert.equal(defineConfig(config), config);
  });

  it('fails to type-check on wrong names, keys, words and types, and nowhere else', () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [`${root}node_modules/typescript/bin/tsc`, '--noEmit', '--pretty', 'false', '-p', fixtures],
      { cwd: fixtures, encoding: 'utf8' },
    );
    const failed = [...stdout.matchAll(/^(\w+\.ts)\((\d+),\d+\): error/gm)].map(
      ([, file, line]) => {
        return `${file}:${line}`;
      },
    );
    const marked = readFileSync(`${fixtures}/wrong.ts`, 'utf8')
      .split('\n')
      .flatMap((text, index) => (/\/\/ \d+$/.test(text) ? [`wrong.ts:${index + 1}`] : []));
    assert.equal(marked.length, 8);
    assert.deepEqual(failed, marked, stdout);
    assert.notEqual(status, 0);
    assert.match(stdout, /'"ap"' is not assignable to type '"app" \|/);
  });
});
