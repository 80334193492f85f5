// How doubtful paths are read: the corpus of bypass tries under the default policy, what the other
// treatments make of them, and what holds for any path and policy.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../../src/core/errors.ts';
import { NOWHERE } from '../../../src/routing/asked.ts';
import { anyRequest } from '../../../src/routing/match.ts';
import { Router } from '../../../src/routing/router.ts';
import {
  safeTargetPolicy,
  settleTarget,
  type TargetPolicy,
} from '../../../src/routing/target-policy.ts';
import { bypassTries } from './bypass-corpus.ts';

function settled(target: string, policy: Partial<TargetPolicy> = {}): string {
  const outcome = settleTarget(target, { ...safeTargetPolicy, ...policy });
  return typeof outcome === 'string' ? outcome : `refused: ${outcome.detail}`;
}

describe('the corpus of bypass tries', () => {
  it('has at least 80 of them, all different', () => {
    assert.ok(bypassTries.length >= 80, String(bypassTries.length));
    assert.equal(new Set(bypassTries.map(({ target }) => target)).size, bypassTries.length);
  });

  for (const { target, outcome } of bypassTries) {
    it(`${JSON.stringify(target)} is ${outcome}`, () => assert.equal(settled(target), outcome));
  }

  // The guard is meant to hold for any server behind it: one that decodes, merges slashes and removes dot
  // segments must not find a guarded page behind a path that took the open route.
  it('never takes the open route to a page that a lenient server finds under the guarded one', () => {
    const router = new Router<string>({ matchers: {}, geo: NOWHERE });
    router.add({ ...anyRequest, path: ['/admin/*'] }, 'guarded');
    router.add(anyRequest, 'open');
    for (const { target } of bypassTries) {
      const seen = settleTarget(target, safeTargetPolicy);
      if (typeof seen !== 'string') continue;
      const route = router.find({
        scheme: 'http',
        method: 'GET',
        target: seen,
        host: 'h',
        requestHeaders: [],
        clientAddress: '',
        requestId: '',
        bodyFacts: null,
        captures: null,
      });
      if (lenientPath(seen).startsWith('/admin/')) assert.equal(route, 'guarded', target);
    }
  });
});

describe('other treatments', () => {
  it('keep what they are told to keep', () => {
    assert.equal(settled('/a/../b', { dotSegments: 'keep' }), '/a/../b');
    assert.equal(settled('/a//b', { repeatedSlashes: 'keep' }), '/a//b');
    assert.equal(settled('/a%2fb', { encodedSlashes: 'keep' }), '/a%2Fb');
    assert.equal(settled('/a\\b%5c', { backslashes: 'keep' }), '/a\\b%5C');
    assert.equal(settled('/a\xe9', { nonAscii: 'keep' }), '/a\xe9');
    assert.equal(settled('/%61%c3', { escapes: 'keep' }), '/%61%c3');
    assert.equal(settled('/%00', { controls: 'keep' }), '/%00');
    assert.equal(settled('/%252e', { doubleEscapes: 'keep' }), '/%252e');
    assert.equal(settled('/%c0%af', { overlongEscapes: 'keep' }), '/%C0%AF');
  });

  it('normalise what they are told to normalise', () => {
    assert.equal(settled('/x%2f..%2fadmin', { encodedSlashes: 'normalise' }), '/admin');
    assert.equal(settled('/x\\..%5cadmin', { backslashes: 'normalise' }), '/admin');
    assert.equal(settled('/a;b=c/d;e', { parameters: 'normalise' }), '/a/d');
    assert.equal(settled('/x/..;/admin', { parameters: 'normalise' }), '/admin');
    assert.equal(settled('/;x/admin', { parameters: 'normalise' }), '/admin');
    assert.equal(settled('/a%', { malformedEscapes: 'normalise' }), '/a%25');
    assert.equal(settled('/%%32%65/', { malformedEscapes: 'normalise' }), '/%252e/');
  });

  it('refuse what they are told to refuse', () => {
    assert.equal(settled('/a/./b', { dotSegments: 'refuse' }), 'refused: dot segment');
    assert.equal(settled('/a//b', { repeatedSlashes: 'refuse' }), 'refused: repeated slash');
    assert.equal(settled('/a;b', { parameters: 'refuse' }), 'refused: path parameter');
    assert.equal(settled('/\xe9', { nonAscii: 'refuse' }), 'refused: byte above 127');
  });

  it('refuse dot segments that hide behind a kept slash', () => {
    const kept = { encodedSlashes: 'keep', backslashes: 'keep' } as const;
    const why = 'refused: dot segment behind an encoded slash';
    for (const target of ['/x%2f..%2fadmin', '/x/..%2fadmin', '/x\\..\\admin', '/..;%2fx%5c.']) {
      assert.match(settled(target, kept), /^refused: dot segment/, target);
    }
    assert.equal(settled('/a%2f%2e%2e', { ...kept, escapes: 'keep' }), why);
    assert.equal(settled('/@scope%2fname', kept), '/@scope%2Fname');
  });
});

describe('any path under any policy', () => {
  const piece = fc.constantFrom(
    ...['/', '//', '.', '..', 'a', '%2e', '%2F', '%5c', '\\', ';', ';a=b', '%', '%00', '%25', '2e'],
    ...['%61', '\xe9', '%c0%af', '%c3%a9', '2f', '32', '\x01', '?'],
  );
  const target = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
  const treatment = fc.constantFrom('keep', 'normalise', 'refuse');
  const refusable = fc.constantFrom('keep', 'refuse');
  const policy = fc.record({
    dotSegments: treatment,
    repeatedSlashes: treatment,
    encodedSlashes: treatment,
    backslashes: treatment,
    parameters: treatment,
    nonAscii: treatment,
    escapes: fc.constantFrom('keep', 'normalise'),
    malformedEscapes: fc.constantFrom('normalise', 'refuse'),
    controls: refusable,
    doubleEscapes: refusable,
    overlongEscapes: refusable,
  }) as fc.Arbitrary<TargetPolicy>;

  it('comes out settled: once more changes nothing', () => {
    fc.assert(
      fc.property(target, policy, (one, by) => {
        const first = settleTarget(one, by);
        if (first instanceof ProxyError) return;
        assert.ok(first.startsWith('/'));
        assert.equal(settleTarget(first, by), first);
      }),
      { numRuns: 5000 },
    );
  });

  it('has no segment that a server could climb by, unless they are kept', () => {
    fc.assert(
      fc.property(target, policy, (one, by) => {
        const seen = settleTarget(one, { ...by, dotSegments: 'normalise' });
        if (seen instanceof ProxyError) return;
        const path = seen.split('?', 1)[0]!.replaceAll(/%2e/gi, '.');
        for (const part of path.split(/\/|%2f|\\|%5c/i)) {
          assert.ok(!/^\.{1,2}(?:;|$)/.test(part), JSON.stringify([one, seen]));
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** How a server reads a path that decodes everything, merges slashes and removes dot segments. */
function lenientPath(target: string): string {
  const decoded = decodeURIComponent(target.split('?', 1)[0]!).replaceAll('\\', '/');
  const segments: string[] = [];
  for (const segment of decoded.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return `/${segments.join('/')}/`;
}
