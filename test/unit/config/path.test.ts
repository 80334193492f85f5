// Paths into a configuration: written, read back, and as environment variables.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatEnvName, formatPath, type Path, parsePath } from '../../../src/config/path.ts';

describe('formatPath', () => {
  it('writes keys with dots and indices in brackets', () => {
    assert.equal(
      formatPath(['upstreams', 'app', 'peers', 1, 'weight']),
      'upstreams.app.peers[1].weight',
    );
    assert.equal(formatPath(['upstreams', 'a.b', 'pipelining']), 'upstreams["a.b"].pipelining');
    assert.equal(formatPath([]), '');
  });

  it('writes what parsePath reads', () => {
    const key = fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !/^\d+$/.test(text));
    const path = fc.array(fc.oneof(key, fc.nat({ max: 99 })), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(path, (steps: Path) => {
        assert.deepEqual(parsePath(formatPath(steps)), steps);
      }),
    );
  });
});

describe('parsePath', () => {
  it('takes an index with a dot as well', () => {
    assert.deepEqual(parsePath('listeners.0.port'), ['listeners', 0, 'port']);
  });

  for (const text of ['', '.', 'a..b', 'a.', 'a[', 'a[x]', 'a b', '[']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parsePath(text), null);
    });
  }
});

describe('formatEnvName', () => {
  const rows: [Path, string][] = [
    [['cores'], 'SLUICE_CORES'],
    [['limits', 'requestHeadBytes'], 'SLUICE_LIMITS_REQUEST_HEAD_BYTES'],
    [['upstreams', 'app', 'timeouts', 'connectMs'], 'SLUICE_UPSTREAMS_APP_TIMEOUTS_CONNECT_MS'],
    [['upstreams', 'my-app.v2', 'pipelining'], 'SLUICE_UPSTREAMS_MY_APP_V2_PIPELINING'],
    [['listeners', 0, 'port'], 'SLUICE_LISTENERS_0_PORT'],
    [['limits', 'webSocketMessageBytes'], 'SLUICE_LIMITS_WEB_SOCKET_MESSAGE_BYTES'],
  ];
  for (const [path, name] of rows) {
    it(`names ${formatPath(path)} ${name}`, () => {
      assert.equal(formatEnvName(path), name);
    });
  }
});
