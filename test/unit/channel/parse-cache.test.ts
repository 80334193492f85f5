// What stores and the sidecar tell each other: whole messages pass, everything else is malformed.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { parseSidecarMessage, parseWorkerMessage } from '../../../src/channel/parse-message.ts';
import { cacheCountNames } from '../../../src/core/cache-link.ts';
import { pageRecordsMax, purgeValueMax } from '../../../src/core/purge-pages.ts';

const id = 1;
const digest = 'abc';
const records = [1, 'url', 'http://a/', 0, 2, 'all', '', 1];
const purges = { kind: 'purges', floor: 0, records, isPart: false };

const fromWorkers: Record<string, unknown>[] = [
  { kind: 'seek', id, digest },
  { kind: 'lease-end', id, digest, end: 'stored', freshMs: 0.5 },
  { kind: 'handed', digest, file: '' },
  { kind: 'purge', id, what: 'tag', value: 'a', isSoft: true },
  { kind: 'purges-known', generation: 0 },
  { kind: 'cache-counts', counts: cacheCountNames.map(() => 0) },
  purges,
];
const fromSidecar: Record<string, unknown>[] = [
  { kind: 'granted', id },
  { kind: 'denied', id, passMs: 3 },
  { kind: 'shared', id, file: 'a' },
  { kind: 'hand-over', digest },
  { kind: 'purges-wanted', since: 0 },
  { kind: 'purged', id, isComplete: false },
  purges,
];

describe('messages about the cache', () => {
  for (const [parse, messages] of [
    [parseWorkerMessage, fromWorkers],
    [parseSidecarMessage, fromSidecar],
  ] as const) {
    for (const message of messages) {
      test(`${parse.name} knows ${message['kind']}, whole and nothing else`, () => {
        assert.deepEqual(parse(message), message);
        assert.equal(parse({ ...message, more: 1 }), null);
        for (const name of Object.keys(message)) {
          for (const wrong of [undefined, null, -1, Number.NaN, {}, 'x'.repeat(10_000)]) {
            assert.equal(parse({ ...message, [name]: wrong }), null, `${name}: ${wrong}`);
          }
        }
      });
    }
  }

  const wrongs: [string, unknown][] = [
    ['half a record', [1, 'url', 'http://a/']],
    ['another kind', [1, 'host', 'a', 0]],
    ['a generation that is none', [1.5, 'all', '', 0]],
    ['a flag that is none', [1, 'all', '', true]],
    ['a value that is too long', [1, 'url', 'x'.repeat(purgeValueMax + 1), 0]],
    ['too many', Array.from({ length: pageRecordsMax + 1 }, () => [1, 'all', '', 0]).flat()],
  ];
  for (const [name, list] of wrongs) {
    test(`are malformed with ${name}`, () => {
      assert.equal(parseWorkerMessage({ ...purges, records: list }), null);
    });
  }
});
