// Balancing, health and splits in the configuration: short forms, several upstreams, what must not be.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const peers = ['http://a:1'];

/** The effective first upstream and route of a configuration with these settings. */
function effective(upstream: object, route: object = {}, whole: object = {}) {
  const raw = {
    ...whole,
    upstreams: { app: { peers, ...upstream }, other: { peers } },
    routes: [{ to: 'app', ...route }],
  };
  const config = parseConfig(structuredClone(raw));
  return { config, app: config.upstreams['app']!, route: config.routes[0]! };
}

function problemOf(upstream: object, route: object = {}, whole: object = {}): string {
  try {
    effective(upstream, route, whole);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message }) => `${path}: ${message}`).join('\n');
  }
  return assert.fail('no problem was found');
}

describe('peers', () => {
  it('have a priority, which backup abbreviates', () => {
    const written = [
      'http://a:1',
      { url: 'http://b:1', backup: true },
      { url: 'http://c:1', backup: false },
      { url: 'http://d:1', priority: 7, zone: 'east', connectionsMax: 9, draining: true },
    ];
    const { app } = effective({ peers: written });
    assert.deepEqual(
      app.peers.map(({ priority }) => priority),
      [0, 1, 0, 7],
    );
    assert.deepEqual(app.peers[1], {
      url: 'http://b:1',
      weight: 1,
      priority: 1,
      connectionsMax: 0,
      zone: null,
      draining: false,
    });
    assert.deepEqual(app.peers[3], {
      url: 'http://d:1',
      weight: 1,
      priority: 7,
      connectionsMax: 9,
      zone: 'east',
      draining: true,
    });
  });

  it('may not be a backup and have a priority', () => {
    const problem = problemOf({ peers: [{ url: 'http://a:1', backup: true, priority: 2 }] });
    assert.match(problem, /^upstreams\.app\.peers\[0\]\.backup: stands for priority 1/);
    assert.match(problemOf({ peers: [{ url: 'http://a:1', backup: 'yes' }] }), /true or false/);
  });

  it('may be missing only where they are discovered', () => {
    const expected = /expected at least one peer, or discovery by dns or file, got none/;
    assert.match(problemOf({ peers: [] }), expected);
    assert.match(problemOf({ peers: [], discovery: { ttlMaxMs: '5s' } }), expected);
    for (const discovery of [{ dns: 'app.internal' }, { file: '/etc/peers.json' }]) {
      assert.deepEqual(effective({ peers: [], discovery }).app.peers, []);
    }
  });
});

describe('discovery', () => {
  it('completes names without a port by the scheme', () => {
    const dns = (discovery: object) => effective({ discovery }).app.discovery.dns;
    assert.equal(dns({ dns: 'App.Internal' }), 'app.internal:80');
    assert.equal(dns({ dns: 'app.internal', scheme: 'https' }), 'app.internal:443');
    assert.equal(dns({ dns: 'app.internal:8080' }), 'app.internal:8080');
    assert.equal(dns({ dns: 'srv:_http._tcp.app.internal' }), 'srv:_http._tcp.app.internal');
    assert.equal(dns({}), null);
  });

  it('refuses addresses, bad ports, bad names and TTLs the wrong way round', () => {
    for (const dns of ['10.0.0.1:80', 'app:0', 'app:65536', 'a b', 'srv:', 'http://app', '']) {
      assert.match(problemOf({ discovery: { dns } }), /^upstreams\.app\.discovery\.dns: /, dns);
    }
    const ttls = { dns: 'app', ttlMinMs: '2m', ttlMaxMs: '1m' };
    assert.match(problemOf({ discovery: ttls }), /ttlMinMs: expected at most ttlMaxMs/);
  });

  it('finds its file beside the configuration', async (context) => {
    const dir = createTempDir(context);
    const text = 'upstreams: { app: { discovery: { file: peers.json } } }\nroutes: [{ to: app }]\n';
    writeFileSync(dir.file('app.yaml'), text);
    const { config } = await loadConfig({ file: dir.file('app.yaml'), cwd: '/' });
    assert.equal(config.upstreams['app']?.discovery.file, dir.file('peers.json'));
  });
});

describe('the target of a route', () => {
  it('is a list in any case', () => {
    assert.deepEqual(effective({}).route.to, [{ upstream: 'app', weight: 1 }]);
    const to = [{ upstream: 'app', weight: 9 }, { upstream: 'other' }];
    assert.deepEqual(effective({}, { to }).route.to, [
      { upstream: 'app', weight: 9 },
      { upstream: 'other', weight: 1 },
    ]);
  });

  it('must exist, once, with a weight', () => {
    const problem = (...to: object[]) => problemOf({}, { to });
    assert.match(
      problem({ upstream: 'app' }, { upstream: 'othr' }),
      /^routes\[0\]\.to\[1\]\.upstream/,
    );
    assert.match(problem({ upstream: 'app' }, { upstream: 'app' }), /the same upstream as/);
    assert.match(problem({ upstream: 'app', weight: 0 }), /expected a weight above 0/);
    assert.match(problemOf({}, { to: [] }), /a list of upstreams with weights/);
    assert.match(problemOf({}, { to: 7 }), /the name of an upstream, or a list/);
  });

  it('may be mirrored to an upstream that exists', () => {
    assert.equal(effective({}).route.mirror, null);
    const { route } = effective({}, { mirror: { to: 'other' } });
    assert.deepEqual(route.mirror, { to: 'other', percent: 100 });
    assert.match(problemOf({}, { mirror: { to: 'othr' } }), /^routes\[0\]\.mirror\.to: /);
    assert.match(problemOf({}, { mirror: { to: 'other', percent: 0 } }), /from 1 to 100/);
  });

  it('is split by a part of the request', () => {
    const splitBy = (text: string) => effective({}, { splitBy: text }).route.splitBy;
    assert.equal(splitBy('header:X-User'), 'header:x-user');
    assert.equal(splitBy('cookie:User'), 'cookie:User');
    for (const bad of ['path', 'header', 'header:', 'header:a b', 'query:x', 'Address']) {
      assert.match(problemOf({}, { splitBy: bad }), /'random', 'address', 'header:NAME'/, bad);
    }
  });
});

describe('balancing and health', () => {
  it('are as documented when nothing is said', () => {
    const { app, config, route } = effective({});
    assert.equal(config.zone, null);
    assert.equal(route.priority, 0);
    assert.equal(app.balancer, 'power-of-two');
    assert.deepEqual(app.hash, { table: 'ring', key: 'address' });
    assert.deepEqual(app.slowStart, { windowMs: 30_000, floorPercent: 10 });
    assert.equal(app.panicPercent, 50);
    assert.equal(app.active.type, 'off');
    assert.equal(app.outlier.deviations, 1.9);
    assert.deepEqual(app.hedge, { enabled: false, percentile: 95, delayMinMs: 10 });
    assert.equal(app.breaker.enabled, false);
    assert.equal(app.sticky.by, 'off');
  });

  const wrong: [what: string, upstream: object][] = [
    ['balancer', { balancer: 'least-conn' }],
    ['hash.key', { hash: { key: 'body' } }],
    ['hash.key', { hash: { key: 'query:' } }],
    ['panicPercent', { panicPercent: 101 }],
    ['active.status', { active: { status: '399-200' } }],
    ['active.status', { active: { status: '2xx' } }],
    ['active.path', { active: { path: 'healthz' } }],
    ['active.host', { active: { host: '*.example.com' } }],
    ['outlier.deviations', { outlier: { deviations: -1 } }],
    ['sticky.secret', { sticky: { secret: 'short' } }],
    ['sticky.name', { sticky: { name: 'a;b' } }],
    ['slowStart.floorPercent', { slowStart: { floorPercent: 0 } }],
  ];
  for (const [path, upstream] of wrong) {
    it(`refuse ${JSON.stringify(upstream)}`, () => {
      assert.ok(problemOf(upstream).startsWith(`upstreams.app.${path}: expected `));
    });
  }

  it('take lists of statuses', () => {
    const { app } = effective({ active: { status: '200, 204, 300-399' } });
    assert.equal(app.active.status, '200,204,300-399');
  });
});
