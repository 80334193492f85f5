// Messages between the primary and its children: all kinds pass, everything else is null.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import {
  type ChildToPrimary,
  type PrimaryToChild,
  parseChildMessage,
  parsePrimaryMessage,
} from '../../../src/channel/control.ts';
import type { PeerChange, PeerDescription } from '../../../src/channel/peer-change.ts';

const fromPrimary: readonly PrimaryToChild[] = [
  { type: 'configure', version: 1, config: { any: 'thing' } },
  { type: 'activate', version: 1 },
  { type: 'discard', version: 1 },
  { type: 'drain', deadlineMs: 0 },
  { type: 'ping', id: 3 },
  { type: 'answer', id: 4, outcome: { kind: 'done', version: 2, isChanged: true } },
  { type: 'answer', id: 4, outcome: { kind: 'refused', reason: 'tag', problems: ['no'] } },
  {
    type: 'answer',
    id: 4,
    outcome: { kind: 'failed', who: 'worker 1', isRefused: true, problems: [] },
  },
];
const peer: PeerDescription = {
  ...{ url: 'http://a:1', weight: 1, priority: 0, connectionsMax: 0, zone: null, draining: false },
};
const changes: readonly PeerChange[] = [
  { kind: 'add', peer },
  { kind: 'add', peer: { ...peer, zone: 'east' } },
  { kind: 'alter', url: 'http://a:1', change: { weight: 2, draining: true } },
  { kind: 'alter', url: 'http://a:1', change: {} },
  { kind: 'remove', url: 'http://a:1' },
  { kind: 'found', source: 'dns', peers: [peer] },
  { kind: 'found', source: 'file', peers: [] },
];
const change = { type: 'change-peers', id: 5, upstream: 'app', ifMatch: null } as const;
const fromChild: readonly ChildToPrimary[] = [
  { type: 'started', pid: 2 },
  { type: 'configured', version: 1 },
  { type: 'refused', version: 1, problems: ['no'] },
  { type: 'activated', version: 1 },
  { type: 'ready', slot: null, ports: [{ name: 'admin', port: 9900 }] },
  { type: 'ready', slot: 0, ports: [] },
  { type: 'drained' },
  { type: 'fatal', message: 'gone' },
  { type: 'pong', id: 3 },
  { type: 'reload', id: 4 },
  ...changes.map((one) => ({ ...change, change: one })),
  { ...change, ifMatch: '"x"', change: changes[0]! },
];

describe('control messages', () => {
  test('pass in their own direction only', () => {
    for (const message of fromPrimary) {
      assert.equal(parsePrimaryMessage(message), message);
      assert.equal(parseChildMessage(message), null);
    }
    for (const message of fromChild) {
      assert.equal(parseChildMessage(message), message);
      assert.equal(parsePrimaryMessage(message), null);
    }
  });

  test('without a field, or with a wrong one, are null', () => {
    for (const message of [...fromPrimary, ...fromChild]) {
      for (const field of Object.keys(message)) {
        const without: Record<string, unknown> = { ...message };
        delete without[field];
        assert.equal(parsePrimaryMessage(without), null);
        assert.equal(parseChildMessage(without), null);
        if (field === 'config') continue;
        const wrong = { ...message, [field]: { not: 'it' } };
        assert.equal(parsePrimaryMessage(wrong), null);
        assert.equal(parseChildMessage(wrong), null);
      }
    }
    assert.equal(
      parseChildMessage({ type: 'ready', slot: 0, ports: [{ name: 1, port: 2 }] }),
      null,
    );
    assert.equal(parseChildMessage({ type: 'refused', version: 1, problems: [1] }), null);
  });

  test('about peers are null with anything wrong in them', () => {
    const wrong: unknown[] = [
      null,
      { kind: 'frob' },
      { kind: 'add' },
      { kind: 'add', peer: { ...peer, weight: '1' } },
      { kind: 'add', peer: { ...peer, more: 1 } },
      { kind: 'add', peer: { url: 'http://a:1' } },
      { kind: 'alter', url: 'http://a:1', change: { weight: -1 } },
      { kind: 'alter', url: 'http://a:1', change: [] },
      { kind: 'alter', change: { weight: 1 } },
      { kind: 'remove', url: 1 },
      { kind: 'found', source: 'rumour', peers: [] },
      { kind: 'found', source: 'dns', peers: [peer, {}] },
      { kind: 'found', source: 'dns' },
    ];
    for (const one of wrong) assert.equal(parseChildMessage({ ...change, change: one }), null);
    const outcomes: unknown[] = [
      { kind: 'done', version: 1 },
      { kind: 'refused', reason: 'whim', problems: [] },
      { kind: 'refused', reason: 'tag', problems: [1] },
      { kind: 'failed', who: 'worker 1', problems: [] },
      { kind: 'else', problems: [] },
    ];
    for (const outcome of outcomes) {
      assert.equal(parsePrimaryMessage({ type: 'answer', id: 1, outcome }), null);
    }
  });

  test('of any other shape are null, without a throw', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        assert.equal(parsePrimaryMessage(value), null);
        assert.equal(parseChildMessage(value), null);
      }),
    );
  });
});
