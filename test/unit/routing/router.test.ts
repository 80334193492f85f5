// Routing: precedence, fall-through between hosts, and agreement with a naive model.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Asked, NOWHERE } from '../../../src/routing/asked.ts';
import { normalHost } from '../../../src/routing/host.ts';
import { anyRequest, type RouteMatch } from '../../../src/routing/match.ts';
import { pathTest } from '../../../src/routing/path-pattern.ts';
import { Router } from '../../../src/routing/router.ts';

type Rule = Partial<RouteMatch> & { name: string };

function makeAsked(parts: Partial<Asked> = {}): Asked {
  return {
    scheme: 'http',
    method: 'GET',
    target: '/',
    host: 'h',
    requestHeaders: [],
    clientAddress: '192.0.2.7',
    requestId: 'r1',
    bodyFacts: null,
    captures: null,
    ...parts,
  };
}

function routerOf(
  ...rules: Rule[]
): (host: string, target: string, method?: string) => string | null {
  const ask = askerOf({}, ...rules);
  return (host, target, method = 'GET') => ask({ host, target, method });
}

/** Returns what answers with the name of the route. */
function askerOf(
  matchers: Record<string, Partial<RouteMatch>>,
  ...rules: Rule[]
): (asked: Partial<Asked> & { into?: Asked[] }) => string | null {
  const named = Object.entries(matchers).map(([name, one]) => [name, { ...anyRequest, ...one }]);
  const router = new Router<string>({ matchers: Object.fromEntries(named), geo: places });
  for (const { name, ...match } of rules) router.add({ ...anyRequest, ...match }, name);
  return ({ into, ...parts }) => {
    const asked = makeAsked(parts);
    into?.push(asked);
    return router.find(asked);
  };
}

const places = {
  ...NOWHERE,
  country: (address: string) => (address.startsWith('198.51.') ? 'DE' : ''),
  continent: (address: string) => (address.startsWith('198.51.') ? 'EU' : ''),
  asn: (address: string) => (address.startsWith('198.51.') ? 64_500 : 0),
};

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

describe('patterns with names', () => {
  it('let a name stand for one segment, and tell what it was', () => {
    const ask = askerOf({}, { name: 'user', path: ['/users/:id'] }, { name: 'any' });
    const into: Asked[] = [];
    assert.equal(ask({ target: '/users/42?x=/y', into }), 'user');
    assert.deepEqual([...(into[0]?.captures ?? [])], [['id', '42']]);
    assert.equal(ask({ target: '/users/', into }), 'any');
    assert.equal(ask({ target: '/users/42/x', into }), 'any');
    assert.equal(into[1]?.captures, null);
  });

  it('come after literal segments, and are tried where those lead nowhere', () => {
    const find = routerOf(
      { name: 'me', path: ['/users/me/posts'] },
      { name: 'posts', path: ['/users/:id/posts'] },
      { name: 'likes', path: ['/users/:id/likes'] },
      { name: 'files', path: ['/files/:volume/*'] },
    );
    assert.equal(find('h', '/users/me/posts'), 'me');
    assert.equal(find('h', '/users/me/likes'), 'likes');
    assert.equal(find('h', '/users/7/posts'), 'posts');
    assert.equal(find('h', '/files/a/b/c'), 'files');
    assert.equal(find('h', '/files/a'), null);
  });

  it('come before expressions, which come before prefixes', () => {
    const find = routerOf(
      { name: 'prefix', path: ['/a/b/*'] },
      { name: 'php', path: ['~\\.php$'] },
      { name: 'pattern', path: ['/a/:file'] },
      { name: 'exact', path: ['/a/x.php'] },
    );
    assert.equal(find('h', '/a/x.php'), 'exact');
    assert.equal(find('h', '/a/y.php'), 'pattern');
    assert.equal(find('h', '/a/b/y.php'), 'php');
    assert.equal(find('h', '/a/b/y.html'), 'prefix');
  });

  it('capture the groups of expressions by name', () => {
    const into: Asked[] = [];
    const ask = askerOf({}, { name: 'item', path: ['~^/i(?P<number>[0-9]+)(-(?P<word>x))?$'] });
    assert.equal(ask({ target: '/i12', into }), 'item');
    assert.deepEqual([...(into[0]?.captures ?? [])].sort(), [
      ['number', '12'],
      ['word', ''],
    ]);
  });

  it('take time that grows with the path only, whatever the expression', () => {
    const find = routerOf({ name: 'evil', path: ['~^(/a*)*$'] });
    assert.equal(find('h', `/${'a'.repeat(30_000)}!`), null);
    // Nothing slips past a guard by its length.
    assert.equal(find('h', `/${'a'.repeat(30_000)}`), 'evil');
  });
});

describe('conditions', () => {
  it('pass a request on to the next candidate when they do not hold', () => {
    const ask = askerOf(
      {},
      { name: 'root' },
      { name: 'app', path: ['/app/*'] },
      { name: 'beta', path: ['/app/*'], header: { 'x-beta': ['1'] } },
      {
        name: 'beta-get',
        path: ['/app/*'],
        header: { 'x-beta': ['1'] },
        cookie: { beta: ['*'] },
      },
      { name: 'only', path: ['/app/only/*'], query: { key: ['~^[0-9]+$'] } },
    );
    const beta = ['x-beta', '1'];
    assert.equal(ask({ target: '/app/x' }), 'app');
    assert.equal(ask({ target: '/app/x', requestHeaders: beta }), 'beta');
    assert.equal(
      ask({ target: '/app/x', requestHeaders: [...beta, 'cookie', 'a=b; beta=2'] }),
      'beta-get',
    );
    assert.equal(ask({ target: '/app/only/x?key=a' }), 'app');
    assert.equal(ask({ target: '/app/only/x?a&%6bey=1%32' }), 'only');
  });

  it('look at scheme, client, country, continent and system', () => {
    const ask = askerOf(
      {},
      { name: 'secure', path: ['/a'], scheme: 'https' },
      { name: 'inside', path: ['/b'], client: ['10.0.0.0/8', '2001:db8::/32'] },
      { name: 'german', path: ['/c'], country: ['DE'], continent: ['EU'], asn: [64_500] },
    );
    assert.equal(ask({ target: '/a' }), null);
    assert.equal(ask({ target: '/a', scheme: 'https' }), 'secure');
    assert.equal(ask({ target: '/b', clientAddress: '10.255.0.1' }), 'inside');
    assert.equal(ask({ target: '/b', clientAddress: '2001:db8:1::1' }), 'inside');
    assert.equal(ask({ target: '/b', clientAddress: '11.0.0.1' }), null);
    assert.equal(ask({ target: '/b', clientAddress: '' }), null);
    assert.equal(ask({ target: '/c', clientAddress: '198.51.100.1' }), 'german');
    assert.equal(ask({ target: '/c', clientAddress: '203.0.113.1' }), null);
  });

  it('combine by all, any and not, and by names', () => {
    const inside = { client: ['10.0.0.0/8'] };
    const ask = askerOf(
      {
        inside,
        trusted: {
          any: [
            { ...anyRequest, is: ['inside'] },
            { ...anyRequest, header: { key: ['s'] } },
          ],
        },
      },
      {
        name: 'admin',
        path: ['/admin/*'],
        is: ['trusted'],
        not: [{ ...anyRequest, method: ['DELETE'] }],
      },
      {
        name: 'all',
        path: ['/x'],
        all: [
          { ...anyRequest, host: ['*.a'] },
          { ...anyRequest, path: ['/x'] },
        ],
      },
    );
    const target = '/admin/x';
    assert.equal(ask({ target }), null);
    assert.equal(ask({ target, clientAddress: '10.0.0.1' }), 'admin');
    assert.equal(ask({ target, requestHeaders: ['key', 's'] }), 'admin');
    assert.equal(ask({ target, requestHeaders: ['key', 's'], method: 'DELETE' }), null);
    assert.equal(ask({ target: '/x', host: 'b.a:80' }), 'all');
    assert.equal(ask({ target: '/x', host: 'b.c' }), null);
  });

  it('count fields that come several times, line by line', () => {
    const ask = askerOf({}, { name: 'yes', header: { via: ['~^b'] } });
    assert.equal(ask({ requestHeaders: ['via', 'a', 'via', 'b1'] }), 'yes');
    assert.equal(ask({ requestHeaders: ['via', 'a, b1'] }), null);
  });
});

describe('any table', () => {
  const segment = fc.constantFrom('a', 'b', ':x', ':y');
  const pattern = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([parts, isPrefix]) => {
      // A name stands only once in a pattern.
      const names = parts.map((one, at) => (one.startsWith(':') ? `${one}${at}` : one));
      return `/${names.join('/')}${isPrefix ? '/*' : ''}`;
    });
  const rule = fc.record({
    path: fc.oneof(pattern, fc.constantFrom('/*', '~a$', '~^/b')),
    method: fc.constantFrom([], ['GET'], ['POST']),
    header: fc.constantFrom({}, { h: ['1'] }, { h: ['1'], i: ['2'] }),
  });
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join('/')}`);

  it('agrees with a naive model: filter all routes, sort, take the first', () => {
    const tables = fc.array(rule, { minLength: 1, maxLength: 10 });
    const fields = fc.constantFrom<string[]>([], ['h', '1'], ['h', '1', 'i', '2']);
    fc.assert(
      fc.property(tables, path, fields, (rules, target, requestHeaders) => {
        const named = rules.map((one, at) => ({ ...one, path: [one.path], name: String(at) }));
        const asked = { target, requestHeaders };
        assert.equal(askerOf({}, ...named)(asked), naiveFirst(named, makeAsked(asked)));
      }),
      { numRuns: 3000 },
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

interface NaiveRule {
  readonly name: string;
  readonly path: readonly string[];
  readonly method: readonly string[];
  readonly header: Readonly<Record<string, readonly string[]>>;
}

/** The rules of precedence, word for word and with no care for time. */
function naiveFirst(rules: readonly NaiveRule[], asked: Asked): string | null {
  const fitting = rules.filter(({ path, method, header }) => {
    const holds = Object.entries(header).every(([name, [value]]) => {
      return asked.requestHeaders[asked.requestHeaders.indexOf(name) + 1] === value;
    });
    return (
      pathTest(path[0]!)(asked.target) &&
      (method.length === 0 || method.includes(asked.method)) &&
      (Object.keys(header).length === 0 || (asked.requestHeaders.length > 0 && holds))
    );
  });
  const order = (one: NaiveRule, other: NaiveRule) =>
    comparePaths(one.path[0]!, other.path[0]!, rules) ||
    Math.sign(other.method.length) - Math.sign(one.method.length) ||
    Object.keys(other.header).length - Object.keys(one.header).length ||
    Number(one.name) - Number(other.name);
  return fitting.sort(order)[0]?.name ?? null;
}

function comparePaths(one: string, other: string, rules: readonly NaiveRule[]): number {
  const kind = (path: string) => (path.startsWith('~') ? 1 : path.endsWith('/*') ? 2 : 0);
  if (kind(one) !== kind(other)) return kind(one) - kind(other);
  if (kind(one) === 1) {
    // Expressions go in the order in which they were added, each on its own.
    return one === other ? 0 : firstWith(one, rules) - firstWith(other, rules);
  }
  const [left, right] = [one, other].map((path) => path.split('/').slice(1));
  for (const [at, segment] of left!.entries()) {
    const beside = right![at];
    // The end of a prefix fits anything: whoever says more goes first.
    const rank = (text: string | undefined) =>
      text === undefined || text === '*' ? 2 : text.startsWith(':') ? 1 : 0;
    if (rank(segment) !== rank(beside)) return rank(segment) - rank(beside);
  }
  return 0;
}

function firstWith(path: string, rules: readonly NaiveRule[]): number {
  return rules.findIndex((rule) => rule.path[0] === path);
}
