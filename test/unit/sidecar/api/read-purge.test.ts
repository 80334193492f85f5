// Bodies of purges, and URLs as answers are stored with them.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { readPurge } from '../../../../src/sidecar/api/read-purge.ts';

describe('a purge', () => {
  const urls: [string, string][] = [
    ['http://Example.org', 'http://example.org/'],
    ['HTTP://example.org:80/A?b=C#d', 'http://example.org/A?b=C'],
    ['https://example.org:443/a', 'https://example.org/a'],
    ['https://example.org:80/a', 'https://example.org:80/a'],
    ['http://[::1]:8080/x', 'http://[::1]:8080/x'],
    ['http://example.org?q', 'http://example.org/?q'],
    ['http://example.org/%2f/../ü', 'http://example.org/%2f/../%C3%BC'],
    ['http://example.org/\ud800', 'http://example.org/%EF%BF%BD'],
  ];
  for (const [url, value] of urls) {
    test(`of ${JSON.stringify(url)} means ${value}`, () => {
      assert.deepEqual(readPurge({ url }), { command: { kind: 'url', value, isSoft: false } });
      assert.deepEqual(readPurge({ prefix: url, soft: true }), {
        command: { kind: 'prefix', value, isSoft: true },
      });
    });
  }

  test('is by tag, or of everything', () => {
    const isSoft = false;
    assert.deepEqual(readPurge({ tag: 'A b' }), { command: { kind: 'tag', value: 'A b', isSoft } });
    assert.deepEqual(readPurge({ all: true }), { command: { kind: 'all', value: '', isSoft } });
  });

  const mistakes: [unknown, string][] = [
    [undefined, ''],
    [null, ''],
    [[], ''],
    [{}, ''],
    [{ url: 'http://a/', tag: 'b' }, ''],
    [{ url: '/path' }, 'url'],
    [{ url: 'ftp://a/' }, 'url'],
    [{ url: 'http://user@a/' }, 'url'],
    [{ url: 'http://a b/' }, 'url'],
    [{ url: `http://a/${'x'.repeat(9000)}` }, 'url'],
    [{ prefix: 'http://' }, 'prefix'],
    [{ tag: '' }, 'tag'],
    [{ tag: 3 }, 'tag'],
    [{ all: false }, 'all'],
    [{ all: true, soft: 'yes' }, 'soft'],
    [{ all: true, hard: true }, 'hard'],
  ];
  for (const [body, path] of mistakes) {
    test(`is refused: ${JSON.stringify(body)?.slice(0, 60)}`, () => {
      const read = readPurge(body);
      assert.ok('problems' in read);
      assert.equal(read.problems[0]?.path, path);
    });
  }
});
