// What a reload event says has changed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { describeChange, needsRestart } from '../../../src/primary/describe-change.ts';
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
