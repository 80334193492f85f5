// Texts with variables: what they come to, what is no variable, and where they may stand.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Asked } from '../../../src/routing/asked.ts';
import { encodeForm, queryValues } from '../../../src/routing/query.ts';
import {
  compileTemplate,
  fieldValue,
  locationValue,
  pathValue,
  templateProblem,
} from '../../../src/routing/template.ts';

const asked: Asked = {
  scheme: 'https',
  method: 'GET',
  target: '/a%20b/c?x=1%202&y&x=3&%78=4',
  host: 'Example.com:8443',
  requestHeaders: ['x-a', 'one', 'x-a', 'two', 'cookie', 'k=v; l=w'],
  clientAddress: '2001:db8::1',
  requestId: 'r1',
  bodyFacts: null,
  captures: new Map([['id', '4%202']]),
};

describe('templates', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['plain', 'plain'],
    ['{scheme}://{host}{target}', 'https://Example.com:8443/a%20b/c?x=1%202&y&x=3&%78=4'],
    ['{hostname}|{path}|{query}', 'example.com|/a%20b/c|?x=1%202&y&x=3&%78=4'],
    ['{client} {request_id} {method}', '2001:db8::1 r1 GET'],
    ['{path.id}{path.other}', '4%202'],
    ['{header.X-A} {cookie.l} {query.x} {query.none}', 'one w 1 2 '],
    ['{{{path.id}}}', '{4%202}'],
    ['{{host}}', '{host}'],
    ['é', '\xc3\xa9'],
  ];
  for (const [text, wanted] of cases) {
    it(`make ${JSON.stringify(wanted)} of ${JSON.stringify(text)}`, () => {
      assert.equal(templateProblem(text), null);
      assert.equal(compileTemplate(text)(asked), wanted);
    });
  }

  it('have the groups of an expression where there is one', () => {
    assert.equal(compileTemplate('{2}-{0}{3}')(asked, ['ab', 'a', 'b']), 'b-ab');
    assert.equal(templateProblem('{2}', 2), null);
    assert.equal(templateProblem('{3}', 2), 'no variable {3}');
    assert.equal(templateProblem('{0}'), 'no variable {0}');
  });

  it('refuse what is no variable, and braces alone', () => {
    const none = ['{}', '{Host}', '{header.}', '{header.a b}', '{env.HOME}', '{constructor}'];
    for (const text of none) assert.equal(templateProblem(text), `no variable ${text}`);
    for (const text of ['{', '}', 'a{host', 'host}', '{{host}']) {
      assert.equal(templateProblem(text), 'a brace alone: write {{ or }}', text);
    }
  });
});

describe('places of values', () => {
  const hostile = 'a\r\nb\0c\x7f\td é'.replace('é', '\xe9');

  it('let nothing end a field', () => assert.equal(fieldValue(hostile), 'a  b c \td \xe9'));

  it('let nothing end a URL, and leave its own signs', () => {
    assert.equal(locationValue(hostile), 'a%0D%0Ab%00c%7F%09d%20%E9');
    const url = "https://[::1]:80/a%20b;c=d/~e?f=g&h=i+j#k!$'()*,@_-.";
    assert.equal(locationValue(url), url);
    assert.equal(locationValue('"<>\\^`{|}'), '%22%3C%3E%5C%5E%60%7B%7C%7D');
  });

  it('let nothing end a path', () => {
    assert.equal(pathValue("/a?b#c d%20;e=f:@!$&'()*+,"), "/a%3Fb%23c%20d%20;e=f:@!$&'()*+,");
  });

  it('let nothing end a parameter', () => {
    assert.equal(encodeForm('a&b=c d+e%\xe9#'), 'a%26b%3Dc%20d%2Be%25%E9%23');
  });
});

describe('query parameters', () => {
  it('are compared decoded, and come in order', () => {
    assert.deepEqual(queryValues(asked.target, 'x'), ['1 2', '3', '4']);
    assert.deepEqual(queryValues(asked.target, 'y'), ['']);
    assert.deepEqual(queryValues('/?a+b=c%zz+d&&=e', 'a b'), ['c%zz d']);
    assert.deepEqual(queryValues('/?a+b=c&&=e', ''), ['', 'e']);
    assert.deepEqual(queryValues('/', 'a'), []);
  });
});
