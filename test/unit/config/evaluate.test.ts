// Configurations in TypeScript and JavaScript: what comes out of their process, and what cannot.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { evaluateModule } from '../../../src/config/evaluate.ts';
import { ConfigError, formatPlace } from '../../../src/config/problem.ts';
import { createTempDir } from '../../support/temp-dir.ts';

/** Writes one module into a directory of its own; returns its path. */
function writeModule(context: TestContext, source: string, name = 'c.ts'): string {
  const file = createTempDir(context).file(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, source);
  return file;
}

/** Returns each problem of a module as "place path: message". */
async function problemsOf(file: string, limitMs?: number): Promise<string[]> {
  try {
    await evaluateModule(file, 'c.ts', limitMs);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ place, path, message }) => {
      return `${formatPlace(place!)} ${path}: ${message}`;
    });
  }
  return [];
}

describe('a configuration module', () => {
  it("finds 'sluice' wherever it lies, and its types vanish", async (context) => {
    const file = writeModule(
      context,
      `import { defineConfig } from 'sluice';
       const port: number = 9001;
       export default defineConfig({
         upstreams: { app: { peers: [\`http://a:\${port}\`] } },
         routes: [{ to: 'app' }],
       });`,
    );
    const { value } = await evaluateModule(file, 'c.ts');
    assert.deepEqual(value, {
      upstreams: { app: { peers: ['http://a:9001'] } },
      routes: [{ to: 'app' }],
    });
  });

  it('may print without spoiling its value', async (context) => {
    const file = writeModule(
      context,
      `console.log('{"kind":"value","value":7}'); export default { a: 1 };`,
    );
    assert.deepEqual((await evaluateModule(file, 'c.ts')).value, { a: 1 });
  });

  for (const [name, source] of [
    ['c.js', 'export default { a: 1 };'],
    ['c.mjs', 'export default { a: 1 };'],
    ['c.mts', 'export default { a: 1 as const };'],
    ['c.js', 'module.exports = { a: 1 };'],
    ['c.ts', 'export default await Promise.resolve({ a: 1 });'],
    ['c.ts', 'export default Promise.resolve({ a: 1, b: undefined });'],
    ['c.ts', 'setInterval(() => {}, 1000); export default { a: 1 };'],
  ] as const) {
    it(`may be ${name}: ${source}`, async (context) => {
      assert.deepEqual((await evaluateModule(writeModule(context, source, name), name)).value, {
        a: 1,
      });
    });
  }

  it('is evaluated anew each time, with what it imports', async (context) => {
    const file = writeModule(context, `import { n } from './n.ts'; export default { n };`);
    const imported = file.replace(/c\.ts$/, 'n.ts');
    writeFileSync(imported, 'export const n = 1;');
    const first = await evaluateModule(file, 'c.ts');
    writeFileSync(imported, 'export const n = 2;');
    const second = await evaluateModule(file, 'c.ts');
    assert.deepEqual([first.value, second.value], [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(second.files, [file, imported]);
  });

  it('may give a value of several megabytes', async (context) => {
    const file = writeModule(context, `export default { text: 'ä'.repeat(3_000_000) };`);
    const { value } = await evaluateModule(file, 'c.ts');
    assert.equal((value as { text: string }).text.length, 3_000_000);
  });
});

describe('a configuration module that gives something else', () => {
  const rows: [string, string, string[]][] = [
    [
      'things that are no data, each with its path',
      `class Box {}
       export default { a: () => 1, b: [new Date(0), new Map()], c: { d: 1n, e: Symbol('x') },
         f: NaN, g: new Box(), h: [undefined] };`,
      [
        'c.ts a: expected plain data, got a function (a)',
        'c.ts b[0]: expected plain data, got an instance of Date',
        'c.ts b[1]: expected plain data, got an instance of Map',
        'c.ts c.d: expected plain data, got the bigint 1n',
        'c.ts c.e: expected plain data, got a symbol',
        'c.ts f: expected plain data, got NaN',
        'c.ts g: expected plain data, got an instance of Box',
        'c.ts h[0]: expected plain data, got undefined',
      ],
    ],
    [
      'itself',
      'const a = { b: {} }; a.b = { a }; export default a;',
      ['c.ts b.a: expected plain data, got a value that contains itself'],
    ],
    [
      'nothing',
      'export const config = {};',
      ['c.ts : expected a default export: export default defineConfig({…}), got undefined'],
    ],
    [
      'a function',
      'export default function make() {}',
      ['c.ts : expected the configuration itself as default export, got a function (make)'],
    ],
    [
      'an error',
      'const a = 1;\nthrow new RangeError("too far\\nmore");',
      ['c.ts:2:7 : RangeError: too far'],
    ],
    ['a text as error', 'throw "up";', ['c.ts : threw "up"']],
    [
      'a broken line',
      'export default {\n  a: [1,\n};',
      ['c.ts:3 : SyntaxError: Expression expected'],
    ],
    [
      'TypeScript that must be compiled',
      'enum A { B }\nexport default {};',
      [
        'c.ts:1 : only TypeScript that vanishes is run: no enum, no namespace, no parameter properties',
      ],
    ],
    [
      'an exit',
      'process.exit(0);',
      ['c.ts : its evaluation called process.exit or crashed (exit code 0)'],
    ],
    [
      'a kill',
      'process.kill(process.pid, "SIGKILL"); await new Promise(() => setInterval(() => {}, 9));',
      ['c.ts : its evaluation was ended by SIGKILL'],
    ],
    [
      'a promise that never settles',
      'await new Promise(() => {});',
      ['c.ts : its top-level await never settles'],
    ],
  ];
  for (const [what, source, expected] of rows) {
    it(`names ${what}`, async (context) => {
      assert.deepEqual(await problemsOf(writeModule(context, source)), expected);
    });
  }

  for (const source of ['for (;;);', 'setInterval(() => {}, 9); await new Promise(() => {});']) {
    it(`stops when its time is over: ${source}`, async (context) => {
      const file = writeModule(context, source);
      assert.deepEqual(await problemsOf(file, 700), [
        'c.ts : its evaluation took longer than 0.7 s and was stopped',
      ]);
    });
  }

  it('names an import that is not there', async (context) => {
    const [problem] = await problemsOf(
      writeModule(context, `import './gone.ts'; export default {};`),
    );
    assert.match(problem!, /^c\.ts : Error: Cannot find module '.*gone\.ts'/);
  });

  it('says why TypeScript under node_modules is not run', async (context) => {
    const file = writeModule(context, 'export default {};', 'node_modules/x/c.ts');
    assert.deepEqual(await problemsOf(file), [
      'c.ts : TypeScript under node_modules is not run; move the configuration out of it or use .js',
    ]);
  });
});
