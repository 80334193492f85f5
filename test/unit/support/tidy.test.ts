// The tidy rules against small good and bad snippets: a rule that can't fail keeps nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maskSource } from '../../../src/std/mask-source.ts';
import { findCycles } from '../../support/tidy/layers.ts';
import { rules } from '../../support/tidy/rules.ts';
import { SourceFile } from '../../support/tidy/source-file.ts';

const HEADER = '// What it is.\n\n';

function violations(rule: string, path: string, text: string): number {
  const found = rules.find(({ name }) => name === rule);
  assert.ok(found, `no rule ${rule}`);
  return found.isAbout(path) ? found.find(new SourceFile(path, text)).length : 0;
}

interface Snippet {
  readonly rule: string;
  readonly what: string;
  readonly path?: string;
  readonly text: string;
  /** Number of violations. */
  readonly found: number;
}

const longFunction = (lines: number) => `function f() {\n${'  g();\n'.repeat(lines - 2)}}\n`;

const SNIPPETS: readonly Snippet[] = [
  {
    rule: 'layers',
    what: 'core importing std',
    path: 'src/core/a.ts',
    text: "import type { X } from '../std/x.ts';\n",
    found: 1,
  },
  {
    rule: 'layers',
    what: 'core importing node',
    path: 'src/core/a.ts',
    text: "import { X } from 'node:fs';\n",
    found: 1,
  },
  {
    rule: 'layers',
    what: 'a phase importing a sibling, by import()',
    path: 'src/worker/balance/a.ts',
    text: "const x = await import('../route/x.ts');\n",
    found: 1,
  },
  {
    rule: 'layers',
    what: 'one transport importing the other',
    path: 'src/worker/upstream/http1/a.ts',
    text: "import { x } from '../undici/x.ts';\n",
    found: 1,
  },
  {
    rule: 'layers',
    what: 'the primary importing a worker',
    path: 'src/primary/a.ts',
    text: "export { x } from '../worker/worker.ts';\n",
    found: 1,
  },
  {
    rule: 'layers',
    what: 'what is allowed',
    path: 'src/worker/serve.ts',
    text: "import { x } from '../channel/x.ts';\nimport { y } from './route/y.ts';\n",
    found: 0,
  },
  {
    rule: 'package-homes',
    what: 'undici outside of its homes, and a package without one',
    path: 'src/worker/upstream/http1/a.ts',
    text: "import { Pool } from 'undici';\nimport x from '@scope/other/deep';\n",
    found: 2,
  },
  {
    rule: 'package-homes',
    what: 'undici at home, and Buffer.from',
    path: 'src/worker/upstream/undici/a.ts',
    text: "import { Pool } from 'undici';\nBuffer.from('zod');\n",
    found: 0,
  },
  {
    rule: 'barrel',
    what: 'a barrel',
    text: "export * from './a.ts';\nexport type { B } from './b.ts';\n",
    found: 1,
  },
  {
    rule: 'barrel',
    what: 'a re-export next to code',
    text: "export { a } from './a.ts';\nexport const b = 1;\n",
    found: 0,
  },
  {
    rule: 'private-accessor',
    what: 'a private getter and setter, but none that is public or in a text',
    text: "class A {\n  get #b() { return 1; }\n  set #b(to) {}\n  get c() { return 'get #d'; }\n}\n",
    found: 2,
  },
  { rule: 'default-export', what: 'a default export', text: 'export default 1;\n', found: 1 },
  {
    rule: 'import-ending',
    what: 'an ending that is missing',
    text: "import { a } from './a';\n",
    found: 1,
  },
  { rule: 'file-length', what: '401 lines', text: 'a\n'.repeat(401), found: 1 },
  { rule: 'file-length', what: '400 lines', text: 'a\n'.repeat(400), found: 0 },
  { rule: 'function-length', what: 'a function of 71 lines', text: longFunction(71), found: 1 },
  { rule: 'function-length', what: 'a function of 70 lines', text: longFunction(70), found: 0 },
  {
    rule: 'function-length',
    what: 'a long method with a return type and braces in strings',
    text: `class A {\n  m(): Map<string, { a: 1 }> {\n    x('}');\n    x(\`\${'}'}}\`);\n${'    y();\n'.repeat(70)}  }\n}\n`,
    found: 1,
  },
  {
    rule: 'function-length',
    what: 'a long class of short methods',
    text: `const f = (a: A): A | null => {\n};\nclass B {\n${'  m() {\n  }\n'.repeat(50)}}\n`,
    found: 0,
  },
  {
    rule: 'function-length',
    what: 'a long arrow function',
    text: `const f = () => {\n${'  y();\n'.repeat(70)}};\n`,
    found: 1,
  },
  {
    rule: 'parameters',
    what: 'five parameters, in a function, a method and an arrow',
    text: 'function f(a, b, c, d, e) {\n}\nclass A {\n  m(a, b, c, d, e): void {\n  }\n}\nconst g = (a, b, c, d, e) => a;\n',
    found: 3,
  },
  {
    rule: 'parameters',
    what: 'four parameters with commas inside, and calls with five',
    text: 'function f(a: Map<B, C>, { b, c }, d = [1, 2], e: (x, y) => void,) {\n  g(1, 2, 3, 4, 5);\n  if (h(1, 2, 3, 4, 5)) {\n  }\n}\n',
    found: 0,
  },
  {
    rule: 'line-length',
    what: 'a long line of code',
    text: `${'call(a); '.repeat(12)}\n`,
    found: 1,
  },
  {
    rule: 'line-length',
    what: 'a long literal',
    text: `const a = '${'x'.repeat(120)}';\n`,
    found: 0,
  },
  { rule: 'header', what: 'no header', text: 'const a = 1;\n', found: 1 },
  {
    rule: 'header',
    what: 'a header of five lines',
    text: '// a\n// b\n// c\n// d\n// e\n',
    found: 1,
  },
  {
    rule: 'header',
    what: 'a header with a drawing',
    text: '// a\n//\n//   b ──► c\n//   d\n//   e\n',
    found: 0,
  },
  {
    rule: 'any',
    what: 'the type',
    text: 'let a: any;\nconst b = c as any;\ntype D = Map<any, E>;\nlet f: any[];\n',
    found: 4,
  },
  {
    rule: 'any',
    what: 'the word',
    text: "// any\nconst any = 'any';\nx.any = f(any);\n",
    found: 0,
  },
  {
    rule: 'suppression',
    what: 'a suppressed error',
    text: '// @ts-ignore\na();\n/* biome-ignore lint */\n',
    found: 2,
  },
  {
    rule: 'leftover',
    what: 'work left for later',
    text: "// TODO: more\nconst a = 'TODO';\n",
    found: 1,
  },
  {
    rule: 'file-name',
    what: 'a name that says nothing',
    path: 'src/std/string-utils.ts',
    text: '',
    found: 1,
  },
  {
    rule: 'file-name',
    what: 'a name in camel case',
    path: 'src/std/ringBuffer.ts',
    text: '',
    found: 1,
  },
  {
    rule: 'file-name',
    what: 'a good name',
    path: 'test/unit/std/ring-buffer.test.ts',
    text: '',
    found: 0,
  },
  {
    rule: 'inheritance',
    what: 'a subclass',
    text: 'class A extends B {}\nclass C extends Error {}\n',
    found: 1,
  },
  {
    rule: 'import-side-effect',
    what: 'a call at the top',
    text: "start();\nprocess.on('exit', f);\n",
    found: 2,
  },
  {
    rule: 'import-side-effect',
    what: 'declarations only',
    text: "import { a } from './a.ts';\n\nconst b = a(\n  1,\n);\nexport function c() {}\n",
    found: 0,
  },
  {
    rule: 'inherited-stream',
    what: 'a child that has the stderr of the runner',
    path: 'test/e2e/a.test.ts',
    text: `spawn('a', [], { stdio: ['ignore', 'pipe', 'in${'herit'}'] });\n`,
    found: 1,
  },
  {
    rule: 'inherited-stream',
    what: 'a child with pipes',
    path: 'test/e2e/a.test.ts',
    text: "spawn('a', [], { stdio: ['ignore', 'pipe', 'pipe'] });\n",
    found: 0,
  },
  {
    rule: 'hot-path-promise',
    what: 'async in a balancer',
    path: 'src/worker/balance/a.ts',
    text: 'async function f(): Promise<void> {\n  await g();\n}\n',
    found: 3,
  },
  {
    rule: 'hot-path-promise',
    what: 'async elsewhere, and in a comment',
    path: 'src/worker/tunnel/a.ts',
    text: 'async function f() {}\n',
    found: 0,
  },
  {
    rule: 'hot-path-timer',
    what: 'a timer in the listener',
    path: 'src/worker/listener/uws/a.ts',
    text: 'setTimeout(f, 1);\n// setTimeout\n',
    found: 1,
  },
];

describe('tidy rules', () => {
  for (const { rule, what, path = 'src/std/a.ts', text, found } of SNIPPETS) {
    it(`${rule}: ${found === 0 ? 'lets pass' : 'finds'} ${what}`, () => {
      assert.equal(violations(rule, path, text), found);
    });
  }

  it('have a snippet that fails each', () => {
    const failing = new Set(SNIPPETS.filter(({ found }) => found > 0).map(({ rule }) => rule));
    assert.deepEqual(
      rules.filter(({ name }) => !failing.has(name)).map(({ name }) => name),
      [],
    );
  });
});

describe('findCycles', () => {
  const file = (path: string, text: string) => new SourceFile(path, HEADER + text);

  it('finds a cycle over three files, type-only imports included', () => {
    const cycles = findCycles([
      file('src/std/a.ts', "import { b } from './b.ts';\n"),
      file('src/std/b.ts', "import type { C } from '../std/c.ts';\n"),
      file('src/std/c.ts', "export { a } from './a.ts';\n"),
    ]);
    assert.deepEqual(cycles, [['src/std/a.ts', 'src/std/b.ts', 'src/std/c.ts', 'src/std/a.ts']]);
  });

  it('lets the types of core name each other', () => {
    const cycles = findCycles([
      file('src/core/a.ts', "import type { B } from './b.ts';\n"),
      file('src/core/b.ts', "import type { A } from './a.ts';\n"),
    ]);
    assert.deepEqual(cycles, []);
  });
});

describe('maskSource', () => {
  for (const [what, source, code] of [
    ['strings', `a('b\\'c', "d")`, `a('    ', " ")`],
    ['comments', 'a; // b\nc /* d */ e', 'a;     \nc         e'],
    ['templates with nested ones', '`a${b(`c${d}`)}e` + f', '` ${b(` ${d}`)} ` + f'],
    ['braces inside of template expressions', '`${{ a: "}" }.a}x`; b', '`${{ a: " " }.a} `; b'],
    [
      'regular expressions',
      'a = /[\'"[/]/.test(b) ? c / d / e : f',
      'a = /      /.test(b) ? c / d / e : f',
    ],
    ['a quote in a comment', "// don't\na", '        \na'],
  ] as const) {
    it(`blanks out ${what}`, () => {
      assert.equal(maskSource(source).code, code);
    });
  }
});
