// YAML and JSON: where things stand, and what is said about text that is neither.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { findJsonFlaw } from '../../../src/config/json-scan.ts';
import { ConfigError, formatPlace } from '../../../src/config/problem.ts';
import { parseText } from '../../../src/config/read-text.ts';

/** Returns each syntax error as "place message → suggestion". */
function errorsOf(text: string, syntax: 'yaml' | 'json'): string[] {
  try {
    parseText(text, 'f', syntax);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ place, message, suggestion }) => {
      return `${formatPlace(place!)} ${message}${suggestion ? ` → ${suggestion}` : ''}`;
    });
  }
  return [];
}

describe('places in YAML', () => {
  const text = `a:
  - one
  - { two: 2, three: [x,  y] }
b: &shared
  c: 1
d: *shared
e:
  <<: *shared
  f: 2
'':
  g:
`;
  const { value, place } = parseText(text, 'f.yaml', 'yaml');
  const rows: [(string | number)[], 'key' | 'value', string][] = [
    [[], 'value', 'f.yaml:1:1'],
    [['a', 0], 'value', 'f.yaml:2:5'],
    [['a', 1, 'two'], 'key', 'f.yaml:3:7'],
    [['a', 1, 'two'], 'value', 'f.yaml:3:12'],
    [['a', 1, 'three', 1], 'value', 'f.yaml:3:27'],
    [['a', 9], 'value', 'f.yaml:2:3'],
    [['d', 'c'], 'value', 'f.yaml:5:6'],
    [['e', 'c'], 'value', 'f.yaml:5:6'],
    [['e', 'f'], 'key', 'f.yaml:9:3'],
    [['', 'g'], 'key', 'f.yaml:11:3'],
    [['nowhere', 'at', 'all'], 'value', 'f.yaml:1:1'],
  ];
  for (const [path, at, expected] of rows) {
    it(`finds the ${at} of ${JSON.stringify(path)} at ${expected}`, () => {
      assert.equal(formatPlace(place(path, at)), expected);
    });
  }

  it('resolves aliases and merges', () => {
    const { d, e } = value as Record<string, unknown>;
    assert.deepEqual([d, e], [{ c: 1 }, { c: 1, f: 2 }]);
  });
});

describe('places in JSON', () => {
  it('finds them in files indented with tabs', () => {
    const { value, place } = parseText(
      '{\n\t"a": [\n\t\t1,\n\t\t{ "b": "\\u0041" }\n\t]\n}',
      'f',
      'json',
    );
    assert.deepEqual(value, { a: [1, { b: 'A' }] });
    assert.equal(formatPlace(place(['a', 1, 'b'], 'value')), 'f:4:10');
  });
});

describe('what is wrong with YAML', () => {
  it('explains a star without quotes, the likeliest slip', () => {
    assert.deepEqual(errorsOf('routes:\n  - match: { host: *.example.com }\n', 'yaml'), [
      "f:2:20 YAML: a text that begins with '*' must stand in quotes, or '&.example.com' is missing before it → *.example.com",
    ]);
  });

  const rows: [string, string, string][] = [
    ['a key that stands twice', 'a: 1\nb: 2\na: 3\n', 'f:3:1 YAML: map keys must be unique'],
    ['a tag that nobody knows', 'a: !foo 1\n', 'f:1:4 YAML: unresolved tag: !foo'],
    ['a tab for indentation', 'a:\n\tb: 1\n', 'f:2:1 YAML: tabs are not allowed as indentation'],
    [
      'a second document',
      'a: 1\n---\nb: 1\n',
      'f:2:1 YAML: source contains multiple documents; please use YAML.parseAllDocuments()',
    ],
  ];
  for (const [what, text, expected] of rows) {
    it(`names ${what}`, () => {
      assert.ok(errorsOf(text, 'yaml').includes(expected), errorsOf(text, 'yaml').join('\n'));
    });
  }

  it('lists every syntax error at once, in the order of the file', () => {
    const errors = errorsOf('a: "x\nb: [1\nc: *y\n', 'yaml');
    assert.ok(errors.length >= 1);
    const lines = errorsOf('a: *x\nb: *y\nc: 1\nc: 2\n', 'yaml').map((error) => error.slice(0, 5));
    assert.deepEqual(lines, ['f:1:4', 'f:2:4', 'f:4:1']);
  });

  it('refuses a bomb of aliases', () => {
    // "Billion laughs": a few lines that unfold to gigabytes.
    const levels = Array.from({ length: 9 }, (_, n) => {
      return `l${n + 1}: &l${n + 1} [${Array(10).fill(`*l${n}`).join(', ')}]`;
    });
    const errors = errorsOf(`l0: &l0 [x]\n${levels.join('\n')}\n`, 'yaml');
    assert.deepEqual(errors, [
      'f YAML: excessive alias count indicates a resource exhaustion attack',
    ]);
  });

  it('reads an empty file as nothing', () => {
    assert.equal(parseText('', 'f', 'yaml').value, null);
    assert.equal(parseText('# nothing\n', 'f', 'yaml').value, null);
  });
});

describe('what is wrong with JSON', () => {
  const rows: [string, string, string][] = [
    ['a comma too many', '{\n "a": 1,\n}', "f:3:1 JSON: expected a key in double quotes, got '}'"],
    ['an end too soon', '{\n "a": 1', "f:2:8 JSON: expected ',' or '}', got the end of the file"],
    ['a comment', '{ // x\n}', "f:1:3 JSON: expected a key in double quotes, got '//'"],
    ['a missing comma', '[\n1\n2]', "f:3:1 JSON: expected ',' or ']', got '2'"],
    ['a missing colon', '{ "a" 1 }', "f:1:7 JSON: expected ':', got '1'"],
    ['a key that stands twice', '{"a": 1,\n"a": 2}', 'f:2:1 JSON: map keys must be unique'],
    ['an empty file', '', 'f:1:1 JSON: expected a value, got the end of the file'],
    ['single quotes', "{ 'a': 1 }", "f:1:3 JSON: expected a key in double quotes, got '''"],
    ['no value at all', '{ "a": }', "f:1:8 JSON: expected a value, got '}'"],
    ['a word without quotes', '{ "a": auto }', "f:1:8 JSON: expected a value, got 'auto'"],
    ['something after the end', '{}\n{}', "f:2:1 JSON: expected the end of the file, got '{'"],
  ];
  for (const [what, text, expected] of rows) {
    it(`names ${what}`, () => {
      assert.deepEqual(errorsOf(text, 'json'), [expected]);
    });
  }
});

describe('findJsonFlaw', () => {
  const isJson = (text: string) => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };

  it('finds none in JSON', () => {
    fc.assert(fc.property(fc.json(), (text) => assert.equal(findJsonFlaw(text), null)));
  });

  it('agrees with JSON.parse about any text', () => {
    const unit = fc.constantFrom(
      ...'{}[]:,"\\ \n-0123.eEtrufalsn',
      'true',
      '"a"',
      '\\u00',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        assert.equal(findJsonFlaw(text) === null, isJson(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('agrees with JSON.parse about JSON with one character changed', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 1 }), (text, where, other) => {
        const at = where % text.length;
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        assert.equal(findJsonFlaw(changed) === null, isJson(changed));
      }),
      { numRuns: 2000 },
    );
  });
});
