// ES modules written as functions: whatever forms imports and exports have, the values are those that Node
// gives, on the lines where they were; and what was run can be forgotten.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { evaluateCode } from '../../../src/plugin/evaluate-code.ts';
import { functionModule, UnreadableModule } from '../../../src/plugin/function-module.ts';
import type { Namespace } from '../../../src/plugin/plugin-code.ts';
import { createTempDir } from '../../support/temp-dir.ts';

async function runAsFunction(text: string, names: readonly string[], path = '/p/a.js') {
  const { code, specifiers } = functionModule(text, names, (specifier) => {
    return specifier === 'node:os' ? [...Object.keys(os), 'default'] : [];
  });
  const [namespace] = await evaluateCode([{ path, code, imports: specifiers }]);
  return namespace!;
}

const forms: readonly (readonly [name: string, text: string])[] = [
  ['a default expression', 'export default { a: 1 };'],
  ['a default expression on the next line', 'export default\n  [1, 2]'],
  [
    'a named default function, used before',
    'const a = f(); export default function f() { return 7 }\nexport { a };',
  ],
  ['an unnamed default function', 'export default function () { return 7 }'],
  ['a named default class', 'export default class A { static a = 1 }'],
  ['an unnamed default class that extends', 'export default class extends Array {}'],
  ['an unnamed async default', 'export default async () => 7;'],
  [
    'declarations',
    'export const a = 1, { b, c: [d] } = { b: 2, c: [3] }; export let e = 4; export var f;',
  ],
  [
    'functions and classes',
    'export function a() {} export async function* b() {} export class C {}',
  ],
  ['a list with other names', 'const a = 1, b = 2; export { a as x, b, a as default };'],
  ['an empty list', 'export {}; export const a = 1;'],
  ['a list from elsewhere', "export { sep, join as j } from 'node:path';"],
  ['all from elsewhere', "export * from 'node:os'; export const EOL = 'own';"],
  ['all from elsewhere under a name', "export * as path from 'node:path';"],
  ['a default import', "import path from 'node:path'; export const a = path.sep;"],
  [
    'all kinds at once',
    "import p, { sep as s, join } from 'node:path'\nimport * as all from \"node:path\"\nimport 'node:os'\nexport default [p.sep, s, join('a', 'b'), all.sep]",
  ],
  ['an import in one breath', "import{sep}from'node:path';export const a=sep"],
  [
    'an import over several lines',
    "import {\n  sep, // one\n  join,\n} from 'node:path';\nexport default join('a', sep);",
  ],
  [
    'words in texts',
    "export const a = \"import x from 'y'\", b = `export ${1 + 1} default ${`import`}`, c = /export 'a'/g;",
  ],
  ['words in comments', '/* import a from "b" */ export const a = 1; // export default 7'],
  [
    'words as properties',
    'const o = { import: 1, export: 2, default: 3 }; export default o.import + o.export;',
  ],
  ['a dynamic import', "export default (await import('node:path')).sep"],
  ['await', 'export const a = await Promise.resolve(3);'],
  ['no semicolon before', 'const a = 1\nexport { a }\nconst b = [1]\nexport default b'],
  ['a hashbang', '#!/usr/bin/env node\nexport const a = 1;'],
  ['divisions and expressions', 'const a = 8 / 2 / 2, r = /[/]\'/.test("/\'"); export { a, r };'],
];

describe('an ES module as a function', () => {
  for (const [name, text] of forms) {
    it(`gives what Node gives: ${name}`, async (context) => {
      const file = createTempDir(context).file('a.mjs');
      writeFileSync(file, text);
      const native = (await import(pathToFileURL(file).href)) as Namespace;
      const names = Object.keys(native);
      const own = await runAsFunction(text, names, file);
      assert.deepEqual(Object.keys(own).sort(), [...names].sort());
      for (const key of names) assert.equal(shown(own[key]), shown(native[key]), key);
    });
  }

  it('shows an export as it is now', async () => {
    const { count, more } = await runAsFunction(
      'export let count = 0; export function more() { count += 1; return () => count }',
      ['count', 'more'],
    );
    assert.equal(count, 0);
    assert.equal((more as () => () => number)()(), 1);
  });

  it('keeps every line where it was, and knows where it lies', async () => {
    const text =
      "import {\n  sep,\n} from 'node:path';\nexport const meta = import.meta;\nexport function f() {\n  throw new Error(sep);\n}\n";
    const { f, meta } = await runAsFunction(text, ['f', 'meta'], '/some/where/a.ts');
    assert.deepEqual(
      { ...(meta as object) },
      {
        url: 'file:///some/where/a.ts',
        filename: '/some/where/a.ts',
        dirname: '/some/where',
      },
    );
    assert.throws(f as () => void, (error: Error) => /\/some\/where\/a\.ts:6:/.test(error.stack!));
  });

  it('refuses what it can not read, by line', () => {
    const text = "const a = 1;\nimport { 'a b' as c } from './x.js';\n";
    assert.throws(
      () => functionModule(text, [], () => []),
      (error) => error instanceof UnreadableModule && error.line === 2,
    );
  });

  it('is forgotten when nobody refers to it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const kept: WeakRef<object>[] = [];
    for (let load = 0; load < 200; load++) {
      const namespace = await runAsFunction(
        `const big = new Array(10_000).fill(${load}); export default { get: (at) => big[at] };`,
        ['default'],
      );
      kept.push(new WeakRef(namespace['default'] as object));
    }
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const alive = kept.filter((one) => one.deref() !== undefined).length;
    assert.ok(alive < 10, `${alive} of 200 are alive`);
  });
});

function shown(value: unknown): string {
  if (typeof value === 'function') return value.name === 'default' ? '' : value.name;
  return inspect(value);
}
