// What counts as a message: exactly the shapes of the unions.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import {
  groupsMax,
  idLengthMax,
  metricsPartBytes,
  metricsPartsMax,
  namesMax,
  type SidecarToWorker,
  type WorkerToSidecar,
} from '../../../src/channel/messages.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../../src/channel/parse-message.ts';
import { limits } from '../../../src/core/limits.ts';

const hello = {
  kind: 'hello',
  protocol: 1,
  slot: 0,
  pid: 9,
  generation: 5,
  connection: 1,
} as const;
const counters = {
  kind: 'counters',
  sequence: 1,
  baseline: false,
  inFlight: [0, 3],
  outcomes: [0, 1, 0, 1],
  ejected: [1, 2, 3000],
  down: [1],
  traffic: [0, 10, 2],
} as const;
const metrics = { kind: 'metrics', id: 1, part: 0, parts: 1, bytes: Uint8Array.of(1) } as const;

const fromWorker: readonly WorkerToSidecar[] = [
  hello,
  { kind: 'peers', sequence: 1, first: 0, ids: ['a/x', ''] },
  counters,
  { kind: 'status', version: -1, draining: false },
  metrics,
];
const fromSidecar: readonly SidecarToWorker[] = [
  { kind: 'welcome', protocol: 1, pid: 8 },
  { kind: 'goodbye', reason: 'closing' },
  { kind: 'report', acknowledged: 3, inFlight: [0, 1], health: [0, 1, 1, 9999] },
  { kind: 'scrape', id: 4 },
  { kind: 'certificate-answer', id: 1, isThere: false },
];

describe('messages', () => {
  test('of each kind pass in their own direction only', () => {
    for (const message of fromWorker) {
      assert.equal(parseWorkerMessage(message), message);
      assert.equal(parseSidecarMessage(message), null);
    }
    for (const message of fromSidecar) {
      assert.equal(parseSidecarMessage(message), message);
      assert.equal(parseWorkerMessage(message), null);
    }
  });

  test('with a field missing, added or of another type are malformed', () => {
    const sides = [
      { messages: fromWorker, parse: parseWorkerMessage },
      { messages: fromSidecar, parse: parseSidecarMessage },
    ];
    for (const { messages, parse } of sides) {
      for (const message of messages) {
        assert.equal(parse({ ...message, extra: 1 }), null);
        for (const field of Object.keys(message)) {
          const without: Record<string, unknown> = { ...message };
          delete without[field];
          assert.equal(parse(without), null, `${message.kind} without ${field}`);
          for (const wrong of [null, 'text', 1.5, -2, Number.NaN, [[]], {}, 2 ** 60]) {
            assert.equal(parse({ ...message, [field]: wrong }), null, `${field} = ${wrong}`);
          }
        }
      }
    }
  });

  test('about a certificate name it in so many characters', () => {
    const wanted = { kind: 'certificate-wanted', id: 1, listener: '* 443', name: 'a.test' };
    assert.equal(parseWorkerMessage(wanted), wanted);
    assert.equal(parseWorkerMessage({ ...wanted, name: 'a'.repeat(idLengthMax + 1) }), null);
    assert.equal(parseWorkerMessage({ ...wanted, listener: 443 }), null);
    assert.equal(parseWorkerMessage({ ...wanted, id: -1 }), null);
    assert.equal(parseSidecarMessage(wanted), null);
  });

  test('that are over a bound, or hold half a group, are malformed', () => {
    const wrong: unknown[] = [
      { ...counters, inFlight: [1] },
      { ...counters, inFlight: [limits.linkPeersMax, 1] },
      { ...counters, inFlight: Array(groupsMax * 2 + 2).fill(0) },
      { ...counters, outcomes: [0, 1, 2] },
      { ...counters, ejected: [0, 1, -1] },
      { ...counters, down: [limits.linkPeersMax] },
      { ...counters, traffic: [0, 1] },
      { kind: 'peers', sequence: 1, first: 0, ids: Array(namesMax + 1).fill('a') },
      { kind: 'peers', sequence: 1, first: 0, ids: ['a'.repeat(idLengthMax + 1)] },
      { kind: 'peers', sequence: 1, first: limits.linkPeersMax, ids: [] },
      { kind: 'peers', sequence: 1, first: limits.linkPeersMax - 1, ids: ['a', 'b'] },
      { ...hello, slot: limits.linksMax },
      { ...metrics, part: metricsPartsMax },
      { ...metrics, parts: metricsPartsMax + 1 },
      { ...metrics, bytes: new Uint8Array(metricsPartBytes + 1) },
      { kind: 'toString' },
      { kind: '__proto__' },
    ];
    for (const message of wrong) assert.equal(parseWorkerMessage(message), null);
  });

  test('are never thrown over, whatever the value', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }),
        (value) => {
          assert.equal(parseWorkerMessage(value), null);
          assert.equal(parseSidecarMessage(value), null);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
