// Routing: precedence, fall-through between hosts, and agreement with a naive model.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { normalHost } from '../../../../src/worker/route/host.ts';
import { type RouteMatch, Router } from '../../../../src/worker/route/router.ts';
import { makePlan } from '../support/exchanges.ts';

type Rule = Partial<RouteMatch> & { name: string };

function routerOf(
  ...rules: Rule[]
): (host: string, target: string, method?: string) => string | null {
  const router = new Router();
  for (const { name, host = [], path = [], method = [] } of rules) {
    router.add({ host, path, method }, makePlan({ route: name }));
  }
  return (host, target, method = 'GET') => router.find(host, target, method)?.route ?? null;
}

describe('Router', () => {
  it('prefers the exact host, then the longer wildcard, then any host', () => {
    const find = routerOf(
      { name: 'any' },
      { name: 'wide', host: ['*.example.com'] },
      { name: 'narrow', host: ['*.eu.example.com'] },
      { name: 'exact', host: ['a.eu.example.com'] },
    );
    assert.equal(find('a.eu.example.com', '/'), 'exact');
    assert.equal(find('b.eu.example.com', '/'), 'narrow');
    assert.equal(find('x.y.example.com', '/'), 'wide');
    assert.equal(find('example.com', '/'), 'any');
    assert.equal(find('notexample.com', '/'), 'any');
  });

  it('compares hosts without case, port and trailing dot', () => {
    const find = routerOf(
      { name: 'exact', host: ['example.com'] },
      { name: 'v6', host: ['[::1]'] },
    );
    assert.equal(find('EXAMPLE.com:8080', '/'), 'exact');
    assert.equal(find('example.com.', '/'), 'exact');
    assert.equal(find('[::1]:99', '/'), 'v6');
    assert.equal(find('example.org', '/'), null);
  });

  it('prefers the exact path, then the longest prefix', () => {
    const find = routerOf(
      { name: 'root', path: ['/*'] },
      { name: 'images', path: ['/images/*'] },
      { name: 'small', path: ['/images/small/*'] },
      { name: 'logo', path: ['/images/logo.png'] },
    );
    assert.equal(find('h', '/images/logo.png?v=1'), 'logo');
    assert.equal(find('h', '/images/logo.png/'), 'images');
    assert.equal(find('h', '/images/small/a/b'), 'small');
    assert.equal(find('h', '/images/'), 'images');
    assert.equal(find('h', '/images'), 'root');
    assert.equal(find('h', '/imagesque/x'), 'root');
    assert.equal(find('h', '/?/images/x'), 'root');
  });

  it('prefers a route that names the method and goes on when none allows it', () => {
    const find = routerOf(
      { name: 'any', path: ['/a/*'] },
      { name: 'post', path: ['/a/*'], method: ['POST', 'PUT'] },
      { name: 'only-get', path: ['/a/b'], method: ['GET'] },
    );
    assert.equal(find('h', '/a/b', 'POST'), 'post');
    assert.equal(find('h', '/a/b', 'GET'), 'only-get');
    assert.equal(find('h', '/a/b', 'DELETE'), 'any');
    assert.equal(find('h', '/a/b', 'get'), 'any');
  });

  it('asks the next host when the better one has no route for the path', () => {
    const find = routerOf(
      { name: 'api', host: ['example.com'], path: ['/api/*'] },
      { name: 'any', path: ['/static/*'] },
    );
    assert.equal(find('example.com', '/static/x'), 'any');
    assert.equal(find('example.com', '/nothing'), null);
  });

  it('serves the asterisk form through routes for any path only', () => {
    assert.equal(routerOf({ name: 'any' })('h', '*', 'OPTIONS'), 'any');
  });

  it('agrees with a naive model on random tables', () => {
    const segment = fc.constantFrom('a', 'b', 'c', '');
    const path = fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
    const pattern = fc
      .tuple(path, fc.boolean())
      .map(([base, isPrefix]) => (isPrefix ? `${base === '/' ? '' : base}/*` : base));
    const rules = fc.uniqueArray(pattern, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rules, path, (patterns, target) => {
        const find = routerOf(...patterns.map((one) => ({ name: one, path: [one] })));
        assert.equal(find('h', target), naiveBest(patterns, target));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('normalHost', () => {
  it('leaves a plain host as it is', () => {
    assert.equal(normalHost('example.com'), 'example.com');
  });
});

function naiveBest(patterns: readonly string[], target: string): string | null {
  if (patterns.includes(target)) return target;
  const prefixes = patterns.filter(
    (one) => one.endsWith('/*') && target.startsWith(one.slice(0, -1)),
  );
  prefixes.sort((a, b) => b.length - a.length);
  return prefixes[0] ?? null;
}
