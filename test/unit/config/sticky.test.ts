// Sessions in the configuration: what two upstreams must not do to each other.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problem.ts';

const peers = ['http://a:1'];

/** Problems of a configuration with two upstreams, as "path: message". */
function problemsOf(app: object, api: object, routes: readonly object[]): string[] {
  try {
    const upstreams = { app: { peers, sticky: app }, api: { peers, sticky: api } };
    parseConfig({ upstreams, routes });
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('session cookies of two upstreams', () => {
  const cookie = { by: 'cookie' };
  const clash = [
    'upstreams.api.sticky.name: the same cookie as upstreams.app on the same host: give it a name of its own',
  ];
  const paths = [
    { match: { path: '/app/*' }, to: 'app' },
    { match: { path: '/api/*' }, to: 'api' },
  ];
  const hosts = (one: string | string[], other: string | string[]) => [
    { match: { host: one }, to: 'app' },
    { match: { host: other }, to: 'api' },
  ];

  it('have names of their own on a host that both serve', () => {
    assert.deepEqual(problemsOf(cookie, cookie, paths), clash);
    assert.deepEqual(problemsOf(cookie, { ...cookie, name: 'sluice' }, paths), clash);
    const shared = [
      { match: { host: ['a.example', 'b.example'], path: '/app/*' }, to: 'app' },
      { match: { host: 'B.example', path: '/api/*' }, to: 'api' },
    ];
    assert.deepEqual(problemsOf(cookie, cookie, shared), clash);
    assert.deepEqual(problemsOf(cookie, { ...cookie, name: 'api' }, paths), []);
  });

  it('may share a name on different hosts', () => {
    assert.deepEqual(problemsOf(cookie, cookie, hosts('a.example', 'b.example')), []);
  });

  it('must differ where a route is split between the two', () => {
    const split = [{ to: [{ upstream: 'app' }, { upstream: 'api' }] }];
    assert.deepEqual(problemsOf(cookie, cookie, split), clash);
  });

  it('are no matter where the session goes by something else', () => {
    const learned = { by: 'learned-cookie', name: 'sid' };
    assert.deepEqual(problemsOf(learned, learned, paths), []);
    assert.deepEqual(problemsOf({ by: 'header', name: 'x' }, cookie, paths), []);
    assert.deepEqual(problemsOf(cookie, { by: 'off' }, paths), []);
  });
});
