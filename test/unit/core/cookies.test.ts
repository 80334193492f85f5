// Cookies as clients send them and applications set them, well-formed or not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  cookieValue,
  cookieValues,
  setCookieValue,
  takeCookies,
} from '../../../src/core/cookies.ts';

describe('cookieValue', () => {
  it('finds a cookie wherever it stands', () => {
    assert.equal(cookieValue(['cookie', 'sid=1'], 'sid'), '1');
    assert.equal(cookieValue(['cookie', 'a=b; sid=1; c=d'], 'sid'), '1');
    assert.equal(cookieValue(['cookie', 'a=b;sid=1'], 'sid'), '1');
    assert.equal(cookieValue(['accept', '*/*', 'cookie', 'a=b', 'cookie', 'sid=1'], 'sid'), '1');
  });

  it('takes the value as it is, the first where there are several', () => {
    assert.equal(cookieValue(['cookie', 'sid="a=b%20\xe9"; sid=2'], 'sid'), '"a=b%20\xe9"');
    assert.equal(cookieValue(['cookie', 'sid='], 'sid'), '');
  });

  it('is not taken in by other names', () => {
    for (const list of ['xsid=1', 'SID=1', 'sid', 'sidx=1', 'a=sid=1', '', ';;; ', 'si; d=1']) {
      assert.equal(cookieValue(['cookie', list], 'sid'), null, list);
    }
    assert.equal(cookieValue(['x-cookie', 'sid=1'], 'sid'), null);
  });
});

describe('cookieValues', () => {
  it('finds all that an application may take for it', () => {
    const headers = [
      'cookie',
      'sid=1; a=sid=2;sid = 3',
      'x',
      'sid=4',
      'cookie',
      '\tsid=',
      'cookie',
      'sid',
    ];
    assert.deepEqual(cookieValues(headers, 'sid'), ['1', '3', '']);
    assert.deepEqual(cookieValues(['cookie', 'xsid=1; SID=2'], 'sid'), []);
  });
});

describe('takeCookies', () => {
  it('takes out every cookie of the name and leaves the others', () => {
    const headers = ['cookie', 'a=1; sid=2;b=3 ; sid=4', 'accept', '*/*', 'cookie', 'sid=5; c=6'];
    assert.deepEqual(takeCookies(headers, 'sid'), ['2', '4', '5']);
    assert.deepEqual(headers, ['cookie', 'a=1;b=3', 'accept', '*/*', 'cookie', 'c=6']);
  });

  it('takes out fields with nothing else in them', () => {
    const headers = ['cookie', 'sid=2', 'cookie', ' sid=3 ;', 'accept', '*/*'];
    assert.deepEqual(takeCookies(headers, 'sid'), ['2', '3']);
    assert.deepEqual(headers, ['accept', '*/*']);
  });

  it('leaves a list that is well-formed wherever the cookie stood', () => {
    const rest = (list: string) => {
      const headers = ['cookie', list];
      takeCookies(headers, 'sid');
      return headers[1];
    };
    assert.equal(rest('sid=1; a=1; b=2'), 'a=1; b=2');
    assert.equal(rest('a=1; sid=1; b=2'), 'a=1; b=2');
    assert.equal(rest('a=1; b=2; sid=1'), 'a=1; b=2');
    assert.equal(rest('a=1; sid=1;'), 'a=1');
    assert.equal(rest('; sid=1 ;; a=sid=1'), 'a=sid=1');
    assert.equal(rest('sid=1;sid=2;xsid=3;sid=4'), 'xsid=3');
  });

  it('touches nothing where there is none', () => {
    const headers = ['cookie', 'a=1;  b=2', 'accept', '*/*'];
    assert.equal(takeCookies(headers, 'sid'), null);
    assert.deepEqual(headers, ['cookie', 'a=1;  b=2', 'accept', '*/*']);
  });
});

describe('setCookieValue', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const settled = (...fields: string[]) =>
    setCookieValue(
      fields.flatMap((field) => ['set-cookie', field]),
      'sid',
      () => now,
    );

  it('finds what a response sets, the last where it sets it twice', () => {
    assert.equal(settled('sid=1'), '1');
    assert.equal(settled('a=b; Path=/', 'sid=s%3Ax.y; Path=/; HttpOnly'), 's%3Ax.y');
    assert.equal(settled('sid=1', 'sid=2'), '2');
    assert.equal(settled('sid=1; Max-Age=60'), '1');
    assert.equal(settled('sid=1; Expires=Fri, 02 Jan 2026 00:00:00 GMT'), '1');
    assert.equal(settled('sid=1; Expires=never'), '1');
  });

  it('takes the removal of a cookie for what it is', () => {
    assert.equal(settled('sid=; Path=/'), null);
    assert.equal(settled('sid=1; Max-Age=0'), null);
    assert.equal(settled('sid=1; max-age=-1'), null);
    assert.equal(settled('sid=1; expires=Thu, 01 Jan 1970 00:00:00 GMT'), null);
    assert.equal(settled('sid=1', 'sid=; Max-Age=0'), null);
  });

  it('prefers Max-Age to Expires', () => {
    assert.equal(settled('sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60'), '1');
  });

  it('is not taken in by attributes and other cookies', () => {
    assert.equal(settled('a=b; sid=1'), null);
    assert.equal(settled('xsid=1', 'SID=1', 'sid', ''), null);
  });
});
