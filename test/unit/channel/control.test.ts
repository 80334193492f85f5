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

const fromPrimary: readonly PrimaryToChild[] = [
  { type: 'configure', version: 1, config: { any: 'thing' } },
  { type: 'activate', version: 1 },
  { type: 'discard', version: 1 },
  { type: 'drain', deadlineMs: 0 },
  { type: 'ping', id: 3 },
];
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

  test('of any other shape are null, without a throw', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        assert.equal(parsePrimaryMessage(value), null);
        assert.equal(parseChildMessage(value), null);
      }),
    );
  });
});
