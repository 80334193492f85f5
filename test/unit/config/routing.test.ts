// What a configuration says about routes: actions, matchers, tests of routing, and what can't be reached.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, expect, GET, POST } from '../../../src/config/define.ts';
import { emptyDocument } from '../../../src/config/document.ts';
import { completeConfig, parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problem.ts';

type Raw = Record<string, unknown>;

const upstreams = { app: { peers: ['http://a:1'] }, web: { peers: ['http://b:1'] } };

function problemsOf(raw: Raw): string[] {
  try {
    parseConfig({ upstreams, routes: [{ to: 'app' }], ...raw });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

function warningsOf(raw: Raw): string[] {
  const value = { upstreams, routes: [{ to: 'app' }], ...raw };
  const { warnings } = completeConfig({ ...emptyDocument('/'), value }, {}, '/');
  return warnings.map(({ path, message }) => `${path}: ${message}`);
}

describe('actions', () => {
  it('are one for each route', () => {
    const redirect = { to: '/x' };
    assert.deepEqual(problemsOf({ routes: [{ to: 'app', redirect }, { match: { path: '/x' } }] }), [
      'routes[0].redirect: expected one of to, redirect, respond, close, handler, got to and redirect',
      'routes[1].to: is missing: expected the name of an upstream, or redirect, respond, close or handler in its place',
    ]);
    assert.deepEqual(problemsOf({ routes: [{ to: 'app', close: false, redirect: null }] }), []);
  });

  it('refuse variables that are none, and groups that the expression lacks', () => {
    const [redirect = '', ...rest] = problemsOf({
      routes: [{ redirect: { to: '/{nothing}' } }],
    });
    assert.match(redirect, /^routes\[0\]\.redirect\.to: expected .+, got '\/\{nothing\}'$/);
    assert.deepEqual(rest, []);
    const path = [{ regex: '^/(a)', to: '/{2}' }];
    const [group = ''] = problemsOf({ routes: [{ to: 'app', rewrite: { path } }] });
    assert.match(group, /^routes\[0\]\.rewrite\.path\[0\]\.to: .*no variable \{2\}/);
  });

  it('refuse fields that frame messages, and values that would split', () => {
    const refused = [
      { set: { 'Content-Length': '1' } },
      { append: { host: 'x' } },
      { set: { 'a b': '1' } },
      { set: { a: 'x\r\nb: c' } },
    ];
    for (const responseHeaders of refused) {
      assert.equal(problemsOf({ routes: [{ to: 'app', responseHeaders }] }).length, 1);
    }
  });

  it('refuse files that can not be read', () => {
    const respond = { bodyFile: '/nowhere/page.html' };
    assert.deepEqual(problemsOf({ routes: [{ respond }] }), [
      "routes[0].respond.bodyFile: expected a readable file, got '/nowhere/page.html' (ENOENT)",
    ]);
  });
});

describe('matchers', () => {
  it('must exist, must not need themselves, and need databases for places', () => {
    const terms = { is: 'insde' };
    assert.deepEqual(
      problemsOf({
        matchers: { inside: { client: '10.0.0.0/8' }, a: { any: [{ is: 'b' }] }, b: { is: ['a'] } },
        routes: [{ match: { not: [terms], country: 'DE' }, to: 'app' }],
      }),
      [
        'matchers.a: needs itself to be decided',
        'matchers.b: needs itself to be decided',
        "routes[0].match.not[0].is[0]: expected the name of a matcher, got 'insde'",
        'routes[0].match.country: needs a database: name one in geo.files',
      ],
    );
  });

  it('make routes of equal places different', () => {
    const path = '/a/*';
    const beta = { header: { 'X-Beta': '1' } };
    const routes = [
      { match: { path }, to: 'app' },
      { match: { path, ...beta }, to: 'web' },
      { match: { path, scheme: 'https' }, to: 'web' },
    ];
    assert.deepEqual(problemsOf({ routes }), []);
    assert.equal(problemsOf({ routes: [...routes, routes[1]] }).length, 1);
    const named = ['/u/:id', '/u/:name'].map((one) => ({ match: { path: one }, to: 'app' }));
    assert.deepEqual(problemsOf({ routes: named }), [
      'routes[1]: matches the same as routes[0], so it could never be reached',
    ]);
  });

  it('refuse expressions that take more than linear time', () => {
    const routes = [{ match: { path: '~(a)\\1' }, to: 'app' }];
    assert.equal(problemsOf({ routes }).length, 1);
  });
});

describe('tests of routing', () => {
  const routes = [
    { name: 'site', to: 'web' },
    { match: { path: '/api/*' }, to: 'app' },
    {
      match: { path: '/api/*', header: { beta: '1' } },
      to: [{ upstream: 'web', weight: 0 }, { upstream: 'app' }],
    },
    {
      match: { path: '/old/:page' },
      redirect: { to: 'https://{host}/new/{path.page}', status: 308 },
    },
    { match: { path: '/gone' }, respond: { status: 410 } },
    { match: { path: '/shut' }, close: true },
    { match: { path: '/de', country: 'DE' }, to: 'app', maintenance: { except: ['10.0.0.1'] } },
  ];
  const geo = { files: [import.meta.filename] };
  const outcome = (...tests: object[]) => problemsOf({ routes, geo, tests });

  it('pass in silence', () => {
    assert.deepEqual(
      outcome(
        expect(GET('https://h/')).toReach('web'),
        expect(GET('http://h/x/../api/')).toReach('app'),
        expect(POST('https://h/api/x', { headers: { Beta: '1' } })).toReach('app'),
        expect(GET('https://h:8443/old/a%20b')).toRedirect('https://h:8443/new/a%20b', 308),
        expect(GET('https://h/gone')).toRespond(410),
        expect(GET('https://h/api%2fx')).toRespond(400),
        expect(ask('BREW', 'https://h?a')).toTake('site'),
        expect(GET('https://h/de', { country: 'DE' })).toRespond(503),
        expect(GET('https://h/de', { country: 'DE', client: '10.0.0.1' })).toReach('app'),
        expect(GET('https://h/de', { country: 'FR' })).toReach('web'),
      ),
      [],
    );
  });

  it('say what was expected and what would happen', () => {
    assert.deepEqual(
      outcome(
        expect(GET('https://h/')).toReach('app'),
        expect(GET('https://h/old/x')).toRedirect('/x', 301),
        expect(GET('https://h/shut')).toRespond(200),
        expect(GET('https://h/..')).toTake('site'),
        expect(GET('https://h/gone')).toReach('web'),
        { request: 'GET /no-host', upstream: 'app' },
      ).map((line) => line.replace(/^tests/, '')),
      [
        "[5].request: expected a method and a URL such as 'GET https://example.com/path', got 'GET /no-host'",
      ],
    );
    assert.deepEqual(
      outcome(
        expect(GET('https://h/')).toReach('app'),
        expect(GET('https://h/old/x')).toRedirect('/x', 301),
        expect(GET('https://h/shut')).toRespond(200),
        expect(GET('https://h/..')).toTake('site'),
        expect(GET('https://h/gone')).toReach('web'),
      ),
      [
        "tests[0]: expected 'GET https://h/' to reach app, but it reaches web by route 'site'",
        "tests[1]: expected 'GET https://h/old/x' to be sent to /x and to be answered with 301, but it is sent to https://h/new/x with 308 by route '/old/:page'",
        "tests[2]: expected 'GET https://h/shut' to be answered with 200, but its connection is closed by route '/shut'",
        "tests[3]: expected 'GET https://h/..' to take route 'site', but it is refused: dot segment above the root",
        "tests[4]: expected 'GET https://h/gone' to reach web, but it is answered with 410 by route '/gone'",
      ],
    );
  });
});

describe('warnings', () => {
  it('name paths that no request has', () => {
    const paths = ['/a//b', '/%61/*', '/x/../y', '/a%2Fb', '/fine/:id/*'];
    const routes = [{ match: { path: paths }, to: 'app' }];
    assert.deepEqual(warningsOf({ routes }), [
      "routes[0].match.path[0]: no request has the path '/a//b': requests for it arrive as '/a/b' (see paths)",
      "routes[0].match.path[1]: no request has the path '/%61/*': requests for it arrive as '/a' (see paths)",
      "routes[0].match.path[2]: no request has the path '/x/../y': requests for it arrive as '/y' (see paths)",
      "routes[0].match.path[3]: no request has the path '/a%2Fb': requests for it are refused: encoded slash (see paths)",
    ]);
    assert.deepEqual(
      warningsOf({
        routes: [{ match: { path: '/a%2Fb' }, to: 'app' }],
        paths: { encodedSlashes: 'keep' },
      }),
      [],
    );
  });

  it('name conditions that never hold', () => {
    const routes = [
      { match: { scheme: 'http', all: [{ scheme: 'https' }] }, to: 'app' },
      { match: { method: ['GET', 'HEAD'], all: [{ method: 'POST' }] }, to: 'app' },
      { match: { method: ['GET', 'HEAD'], all: [{ method: 'GET' }] }, to: 'app' },
    ];
    assert.deepEqual(warningsOf({ routes }), [
      'routes[0].match: asks for two schemes at once: it can never match',
      'routes[1].match: asks for two methods at once: it can never match',
    ]);
  });

  it('name prefixes behind an expression that takes all', () => {
    const all = { match: { path: '~.*' }, to: 'app' };
    const prefix = { match: { path: '/a/*' }, to: 'web' };
    assert.equal(warningsOf({ routes: [prefix, all] }).length, 1);
    const conditional = { match: { path: '~.*', scheme: 'https' }, to: 'app' };
    assert.deepEqual(warningsOf({ routes: [prefix, conditional] }), []);
    const elsewhere = { match: { path: '/a/*', host: 'h' }, to: 'web' };
    assert.deepEqual(warningsOf({ routes: [elsewhere, all] }), []);
  });
});
