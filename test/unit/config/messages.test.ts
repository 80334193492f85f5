// The face of the product: what a configuration full of mistakes is told, word for word.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { emptyDocument } from '../../../src/config/document.ts';
import { listEnvNames } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { completeConfig, parseConfig } from '../../../src/config/parse.ts';
import { formatPath } from '../../../src/config/path.ts';
import { ConfigError } from '../../../src/config/problem.ts';

const fixtures = new URL('../../fixtures/config/', import.meta.url);

/** Parses raw data that is wrong; returns each problem as "path: message → suggestion". */
function problemsOf(raw: unknown): string[] {
  try {
    parseConfig(raw);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message, suggestion }) => {
      return `${path}: ${message}${suggestion ? ` → ${suggestion}` : ''}`;
    });
  }
  return [];
}

const valid = { upstreams: { app: { peers: ['http://a:1'] } }, routes: [{ to: 'app' }] };
/** A valid configuration with other routes. */
const withRoutes = (...routes: unknown[]) => ({ ...valid, routes });
/** A valid configuration with something else in its upstream. */
const withUpstream = (app: object) => ({
  ...valid,
  upstreams: { app: { peers: ['http://a:1'], ...app } },
});

describe('the report about a file full of mistakes', () => {
  it('is word for word the one in test/fixtures/config/mistakes.txt', async () => {
    const loading = loadConfig({
      file: 'mistakes.yaml',
      cwd: fixtures.pathname,
      env: {
        SLUICE_CORE: '2',
        SLUICE_LIMITS_STREAM_BUFFER_BYTES: 'lots',
        SLUICE_UPSTREAMS_APP_PEERS_0_WEIGHT: '0',
        SLUICE_ROLE: 'internal, so no problem',
      },
      flags: [
        { path: ['timeouts', 'drainMs'], value: '-1s', name: '--set timeouts.drainMs' },
        { path: ['timeouts', 'drain'], value: '1', name: '--set timeouts.drain' },
      ],
    });
    const error = await loading.then(
      () => assert.fail('the mistakes pass'),
      (reason: Error) => reason,
    );
    assert.equal(error.message, readFileSync(new URL('mistakes.txt', fixtures), 'utf8'));
  });
});

describe('names that must exist', () => {
  it('suggests the upstream that was meant', () => {
    assert.deepEqual(problemsOf(withRoutes({ to: 'ap' })), [
      "routes[0].to: expected the name of an upstream, got 'ap' → app",
    ]);
  });

  it('lists the upstreams when none is near', () => {
    assert.deepEqual(problemsOf(withRoutes({ to: 'payments' })), [
      "routes[0].to: expected the name of an upstream (there are 'app'), got 'payments'",
    ]);
  });

  it('does not take what every object has for an upstream', () => {
    for (const to of ['constructor', '__proto__', 'toString']) {
      assert.equal(problemsOf(withRoutes({ to })).length, 1, to);
    }
  });
});

describe('unknown keys', () => {
  it('shows what stands there when no name is near', () => {
    const problems = problemsOf(withRoutes({ to: 'app', zebra: 1 }));
    assert.equal(problems.length, 1);
    assert.match(
      problems[0]!,
      /^routes\[0\]\.zebra: unknown key; here stand name, match, to, .+, requestBodyBytesMax$/,
    );
  });

  it('finds a key that belongs one group further down', () => {
    assert.deepEqual(problemsOf(withUpstream({ headMs: 1 })), [
      'upstreams.app.headMs: unknown key → timeouts.headMs',
    ]);
  });

  it('takes neither case nor underscores seriously', () => {
    assert.deepEqual(problemsOf({ ...valid, trusted_proxies: [] }), [
      'trusted_proxies: unknown key → trustedProxies',
    ]);
  });

  it('refuses __proto__ like any other', () => {
    const raw = JSON.parse(
      '{"upstreams":{"app":{"peers":["http://a"]}},"routes":[{"to":"app"}],"__proto__":{"cores":1}}',
    );
    assert.equal(problemsOf(raw).length, 1);
  });
});

describe('things that must be there only once', () => {
  const routesThatClash: [string, unknown, unknown][] = [
    ['no match at all', { to: 'app' }, { to: 'app' }],
    ['any path and /*', { to: 'app' }, { to: 'app', match: { path: '/*' } }],
    [
      'a host in other letters',
      { to: 'app', match: { host: 'A.b' } },
      { to: 'app', match: { host: ['a.b'] } },
    ],
    [
      'one of several hosts',
      { to: 'app', match: { host: ['a.b', 'c.d'], path: '/x' } },
      { to: 'app', match: { host: ['c.d', 'e.f'], path: '/x' } },
    ],
  ];
  for (const [what, one, other] of routesThatClash) {
    it(`refuses a second route for ${what}`, () => {
      assert.deepEqual(problemsOf(withRoutes(one, other)), [
        'routes[1]: matches the same as routes[0], so it could never be reached',
      ]);
    });
  }

  it('lets routes pass that differ in host, path or method only', () => {
    const match = { host: 'a.b', path: '/x', method: 'GET' };
    const routes = [
      { to: 'app' },
      { to: 'app', match: { host: match.host } },
      { to: 'app', match: { path: match.path } },
      { to: 'app', match: { method: match.method } },
      { to: 'app', match: { ...match, path: '/x/*' } },
      { to: 'app', match },
    ];
    assert.deepEqual(problemsOf(withRoutes(...routes)), []);
  });

  it('refuses two listeners on overlapping addresses', () => {
    const listeners = [{ port: 1, host: '127.0.0.1' }, { port: 1, host: '127.0.0.2' }, { port: 1 }];
    assert.deepEqual(problemsOf({ ...valid, listeners }), [
      'listeners[2]: the same address and port as listeners[0]',
    ]);
  });

  it('lets several listeners share port 0, which is any free one', () => {
    assert.deepEqual(
      problemsOf({
        ...valid,
        listeners: [
          { port: 0, name: 'a' },
          { port: 0, name: 'b' },
        ],
      }),
      [],
    );
  });

  it('refuses a name that is given twice, or that another gets by itself', () => {
    const routes = [
      { to: 'app', name: 'a.b/*' },
      { to: 'app', match: { host: 'a.b' } },
    ];
    assert.deepEqual(problemsOf(withRoutes(...routes)), [
      "routes[1]: expected a name of its own, got 'a.b/*' like routes[0]",
    ]);
    const listeners = [
      { port: 1, name: 'x' },
      { port: 2, name: 'x' },
    ];
    assert.deepEqual(problemsOf({ ...valid, listeners }), [
      "listeners[1].name: expected a name of its own, got 'x' like listeners[0]",
    ]);
  });

  it('refuses the same peer twice, however it is written', () => {
    const peers = ['http://a', { url: 'http://A:80/', weight: 2 }];
    assert.deepEqual(problemsOf(withUpstream({ peers })), [
      'upstreams.app.peers[1]: the same peer as upstreams.app.peers[0]; use weight for a larger share',
    ]);
  });
});

describe('values that could split a header', () => {
  // What the operator writes goes into heads on both sides: a line break would start a new field.
  for (const bad of ['a\r\nx-evil: 1', 'a\nb', 'a\0b']) {
    it(`refuses ${JSON.stringify(bad)} wherever text goes into a head`, () => {
      assert.equal(problemsOf(withUpstream({ hostHeader: bad })).length, 1, 'hostHeader');
      assert.equal(problemsOf(withUpstream({ tls: { serverName: bad } })).length, 1, 'serverName');
      assert.equal(problemsOf({ ...valid, headers: { via: bad } }).length, 1, 'via');
      assert.equal(problemsOf({ ...valid, headers: { removeFromResponse: [bad] } }).length, 1);
      assert.equal(problemsOf(withRoutes({ to: 'app', name: bad })).length, 1, 'route name');
      assert.equal(
        problemsOf(withRoutes({ to: 'app', match: { method: bad } })).length,
        1,
        'method',
      );
    });
  }

  it('shows control characters escaped, so that a report cannot drive a terminal', () => {
    const [problem] = problemsOf({ ...valid, log: { level: '\x1b[2J\x9b\u2028' } });
    assert.equal(problem?.includes('\x1b'), false);
    assert.match(problem ?? '', /\\u001b\[2J\\u009b\\u2028/);
  });
});

describe('every setting', () => {
  const raw = {
    ...valid,
    listeners: [{ port: 1 }],
    routes: [{ to: 'app', match: { host: 'a.b', path: '/x', method: 'GET' } }],
    trustedProxies: ['::1'],
  };
  const settings = listEnvNames(parseConfig(raw));

  for (const garbage of [-7, 1.5, 1e300, '', '\n', ' ', true, [], {}, ['x'], null]) {
    it(`says in our own words what it expected instead of ${JSON.stringify(garbage)}`, () => {
      for (const { path } of settings) {
        const document = { ...emptyDocument('/'), value: raw };
        const flags = [{ path, value: garbage, name: '--set' }];
        let message = '';
        try {
          completeConfig(document, { flags }, '/');
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          message = error.message;
        }
        // Nothing of the schema library's own wording.
        assert.doesNotMatch(
          message,
          /Invalid|Too (?:big|small)|received|ZodError/,
          formatPath(path),
        );
        if (message !== '') assert.match(message, /expected .+, got /, formatPath(path));
      }
    });
  }

  it('refuses a map and a list in place of any scalar', () => {
    for (const { path } of settings) {
      for (const value of [{}, []]) {
        const flags = [{ path, value, name: '--set' }];
        const complete = () =>
          completeConfig({ ...emptyDocument('/'), value: raw }, { flags }, '/');
        assert.throws(complete, ConfigError, formatPath(path));
      }
    }
  });
});

describe('a configuration that is something else', () => {
  for (const raw of [null, [], 'text', 7, undefined]) {
    it(`refuses ${JSON.stringify(raw)} as a whole`, () => {
      const problems = problemsOf(raw);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, /^: (?:is missing: )?expected a map of settings/);
    });
  }

  it('says what is missing in an empty one', () => {
    assert.deepEqual(problemsOf({}), [
      'upstreams: is missing: expected a map of upstreams by name',
      'routes: is missing: expected a list of routes',
    ]);
  });
});
