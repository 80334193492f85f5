// What a reload event says has changed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { describeChange, fingerprint, needsRestart } from '../../../src/primary/describe-change.ts';
import { testConfig } from './fake-fleet.ts';

const before = testConfig({
  listeners: [{ port: 8080 }, { port: 8081 }],
  upstreams: { app: { peers: ['http://a:1'] }, old: { peers: ['http://b:1'] } },
  routes: [
    { name: 'home', to: 'app' },
    { name: 'gone', match: { path: '/old' }, to: 'old' },
  ],
});

test('names what was added, removed and changed', () => {
  const after = testConfig({
    cores: 3,
    listeners: [{ port: 8080 }, { port: 8082 }],
    upstreams: { app: { peers: ['http://a:1', 'http://a:2'] }, fresh: { peers: ['http://c:1'] } },
    routes: [
      { name: 'home', to: 'app' },
      { name: 'new', match: { path: '/new' }, to: 'fresh' },
    ],
    limits: { requestHeadBytes: '64KiB' },
  });
  const change = describeChange(before, after);
  assert.deepEqual(change, {
    listeners: { added: ['http-8082'], removed: ['http-8081'] },
    upstreams: { added: ['fresh'], removed: ['old'], changed: ['app'] },
    routes: { added: ['new'], removed: ['gone'] },
    settings: ['cores', 'limits.requestHeadBytes'],
  });
  assert.deepEqual(needsRestart(change), ['limits.requestHeadBytes']);
});

test('finds nothing in an equal configuration', () => {
  assert.deepEqual(describeChange(before, structuredClone(before)), {});
  assert.deepEqual(needsRestart({}), []);
});

test('gives the same fingerprint whatever the order of keys, and another for another value', () => {
  const { upstreams, ...rest } = before;
  assert.equal(fingerprint({ upstreams, ...rest }), fingerprint(before));
  const { app, old } = upstreams;
  assert.ok(app && old);
  assert.equal(fingerprint({ ...before, upstreams: { old, app } }), fingerprint(before));
  assert.notEqual(fingerprint({ ...before, cores: 5 }), fingerprint(before));
  const swapped = { ...before, listeners: before.listeners.toReversed() };
  assert.notEqual(fingerprint(swapped), fingerprint(before));
});
