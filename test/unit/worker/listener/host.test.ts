// Which Host values are one host, and which are an attempt at something else.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isHost } from '../../../../src/worker/listener/host.ts';

const good = [
  'example.com',
  'EXAMPLE.com.',
  'a',
  '192.0.2.7',
  'a_b',
  'xn--bcher-kva.example',
  'a:80',
  'a:',
  'a:0',
  'a:65535',
  '[::1]',
  '[2001:db8::1]:8080',
  '[::ffff:192.0.2.7]',
  'a%20b',
  "a!$&'()*+;=~b",
];
const bad = [
  '',
  ':80',
  'a b',
  'a\tb',
  'a/b',
  'a?b',
  'a#b',
  'a@b',
  'a,b',
  'a\\b',
  'a"b',
  'a<b',
  'a%2',
  'a%zz',
  'a:b',
  'a:80:80',
  'a:65536',
  'a:-1',
  '[::1',
  '::1',
  '[::1]x',
  '[1:2]',
  '[]',
  '[v1.a]',
  '[::1%25eth0]',
  'caf\xe9',
  'a\x7f',
  '{a}',
  'a|b',
  'a^b',
  'a`b',
  `${'1'.repeat(70_000)}:123456`,
];

describe('isHost', () => {
  for (const host of good) {
    it(`takes ${host}`, () => {
      assert.equal(isHost(host), true);
      assert.equal(isHost(host), true, 'remembered');
    });
  }
  for (const host of bad) {
    it(`refuses ${JSON.stringify(host.slice(0, 40))}`, () => assert.equal(isHost(host), false));
  }
});
