// Plugins of a configuration: what becomes of their code before anybody runs it, and what `check` says about
// those that can't be used.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { fingerprint } from '../../../src/config/fingerprint.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../../src/config/problem.ts';
import { evaluateCode } from '../../../src/plugin/evaluate-code.ts';
import { createTempDir } from '../../support/temp-dir.ts';

interface Files {
  readonly [name: string]: string;
}

const SIMPLE = 'export default { request() { return undefined; } };';
const app = "upstreams: { app: { peers: ['http://127.0.0.1:9001'] } }";
const yaml = (plugins: string, uses = '[hello]') =>
  `plugins: ${plugins}\n${app}\nroutes:\n  - { to: app, plugins: ${uses} }\n`;

function write(context: TestContext, files: Files): string {
  const folder = createTempDir(context);
  for (const [name, text] of Object.entries(files)) writeFileSync(folder.file(name), text);
  return folder.path;
}

async function problemsOf(context: TestContext, files: Files): Promise<string[]> {
  const cwd = write(context, files);
  try {
    await loadConfig({ file: 'a.yaml', cwd });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => {
      return formatProblem(problem).replaceAll(/\s+/g, ' ').replaceAll(cwd, '');
    });
  }
  return [];
}

describe('plugins of a configuration', () => {
  it('are loaded with what they import, in TypeScript, JavaScript and JSON', async (context) => {
    const cwd = write(context, {
      'a.yaml': yaml('[./hello.ts]'),
      'hello.ts': `import { definePlugin, type PluginRequest } from 'sluice/plugin';
        import { greet } from './greet.mjs';
        import data from './data.json' with { type: 'json' };
        import { EOL } from 'node:os';
        export const said: string = greet(data.name) + EOL;
        export default definePlugin({ request(_: PluginRequest) { return undefined; } });`,
      'greet.mjs': 'export const greet = (name) => `hello ${name}`;',
      'data.json': '{ "name": "Ada" }',
    });
    const { config } = await loadConfig({ file: 'a.yaml', cwd });
    const code = config.pluginCode['hello']!;
    const files = code.map(({ path }) => path.slice(cwd.length + 1));
    assert.deepEqual(files, ['greet.mjs', 'data.json', 'hello.ts']);
    assert.equal((await evaluateCode(code)).at(-1)!['said'], 'hello Ada\n');
    assert.deepEqual(config.plugins[0], {
      name: 'hello',
      file: `${cwd}/hello.ts`,
      timeoutMs: 1000,
      blockedMs: 10,
      onError: 'refuse',
      failuresInRow: 20,
      restMs: 5000,
    });
    assert.deepEqual(config.routes[0]!.plugins, [{ name: 'hello', options: {} }]);
  });

  it('make another configuration of it when any of their files changes', async (context) => {
    const files = {
      'a.yaml': yaml('[./hello.js]'),
      'hello.js': `import './other.js'; ${SIMPLE}`,
      'other.js': 'export const a = 1;',
    };
    const cwd = write(context, files);
    const load = async () => fingerprint((await loadConfig({ file: 'a.yaml', cwd })).config);
    const before = await load();
    assert.equal(await load(), before);
    writeFileSync(`${cwd}/other.js`, 'export const a = 2;');
    assert.notEqual(await load(), before);
  });

  it('keep a package that they use out of their code', async (context) => {
    const cwd = write(context, {
      'a.yaml': yaml('[./hello.js]'),
      'hello.js': `import old from './old.js'; export const b = old.a; ${SIMPLE}`,
      'old.js': 'module.exports = { a: 1 };',
    });
    const { config } = await loadConfig({ file: 'a.yaml', cwd });
    const code = config.pluginCode['hello']!;
    assert.deepEqual(code[0]!.imports, [`file://${cwd}/old.js`]);
    assert.equal((await evaluateCode(code)).at(-1)!['b'], 1);
  });

  for (const [name, files, expected] of mistakes()) {
    it(`are refused: ${name}`, async (context) => {
      assert.deepEqual(await problemsOf(context, files), expected);
    });
  }
});

function mistakes(): [name: string, files: Files, expected: string[]][] {
  const hello = (text: string): Files => ({ 'a.yaml': yaml('[./hello.ts]'), 'hello.ts': text });
  const circle =
    'is imported by what it imports itself; the files of a plugin may not form a circle';
  return [
    [
      'names that nobody has, or two',
      { 'a.yaml': yaml('[./hello.js, { file: hello.js }]', '[helo]'), 'hello.js': SIMPLE },
      [
        "a.yaml:1:23 plugins[1] expected a name of its own, got 'hello' like plugins[0]",
        "a.yaml:4:26 routes[0].plugins[0].name expected the name of a plugin, got 'helo'; did you mean 'hello'?",
      ],
    ],
    [
      'a syntax error, by line',
      hello('export const a = 1;\nexport default { request() { return } ;'),
      ["hello.ts:2 SyntaxError: Expected ',', got ';'"],
    ],
    [
      'an error while it is loaded, by line',
      hello("const a: number = 1;\nthrow new Error('no database');\nexport default a;"),
      ['hello.ts:2:7 Error: no database'],
    ],
    [
      'an error in a file that it imports, by line',
      { ...hello(`import './b.ts';\n${SIMPLE}`), 'b.ts': "\n\nthrow new Error('no database');" },
      ['b.ts:3:7 Error: no database'],
    ],
    [
      'a syntax error in a file that it imports, by line',
      { ...hello(`import './b.ts';\n${SIMPLE}`), 'b.ts': 'const a = 1;\nconst b = ;' },
      ['b.ts:2 SyntaxError: Expression expected'],
    ],
    [
      'a file that is not there',
      hello(`import './b.ts';\n${SIMPLE}`),
      ["hello.ts Error: Cannot find module '/b.ts' imported from /hello.ts"],
    ],
    [
      'what can not be written as a function, by line',
      {
        ...hello(`\nimport { 'a b' as c } from './b.ts';\n${SIMPLE}`),
        'b.ts': "const a = 1; export { a as 'a b' };",
      },
      ['hello.ts:2 expected an import of plain names, one statement a line'],
    ],
    [
      'no plugin',
      hello('export const request = 1;'),
      ['hello.ts expected a default export: export default definePlugin({…}), got none'],
    ],
    [
      'a function of another name',
      hello('export default { requset() {} };'),
      [
        "hello.ts expected functions called options, request, response, fetch, close, got 'requset'",
      ],
    ],
    [
      'a filter as a handler',
      {
        'a.yaml': `plugins: [./hello.js]\n${app}\nroutes:\n  - { handler: hello }\n`,
        'hello.js': SIMPLE,
      },
      ['a.yaml:4:16 routes[0].handler expected a plugin with a function fetch'],
    ],
    [
      'options that it does not want',
      {
        'a.yaml': yaml('[./hello.js]', '[{ name: hello, options: { a: 1 } }]'),
        'hello.js':
          "export default { options({ a }) { if (a !== 2) throw new Error('expected a to be 2'); }, request() {} };",
      },
      ['a.yaml:4:26 routes[0].plugins[0] its options are refused: expected a to be 2'],
    ],
    [
      'a circle',
      {
        'a.yaml': yaml('[./hello.js]'),
        'hello.js': `import './b.js'; ${SIMPLE}`,
        'b.js': "import './hello.js';",
      },
      [`hello.js ${circle}`],
    ],
    [
      'a promise that never settles',
      hello('await new Promise(() => {}); export default {};'),
      ['a.yaml:1:11 plugins[0].file its top-level await never settles'],
    ],
  ];
}
