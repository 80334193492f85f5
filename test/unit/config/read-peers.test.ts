// Peers outside of a configuration: the same rules and messages, with paths of their own.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { matchesTag, peersTag } from '../../../src/config/live-peer.ts';
import { ConfigError, formatProblem } from '../../../src/config/problem.ts';
import { readPeer, readPeerFile, readPeerPatch } from '../../../src/config/read-peers.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const peer = {
  ...{ url: 'http://a:1', weight: 1, priority: 0, connectionsMax: 0, zone: null, draining: false },
};

async function problemsOf(read: () => unknown): Promise<string[]> {
  try {
    await read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map((problem) => formatProblem(problem).replaceAll('\n    ', ': '));
  }
  throw new Error('nothing is wrong');
}

describe('a peer', () => {
  it('is completed and brought into its canonical form', () => {
    assert.deepEqual(readPeer({ url: 'HTTP://A:1/' }), peer);
    assert.deepEqual(readPeer({ url: 'http://a:1', backup: true }), { ...peer, priority: 1 });
    assert.deepEqual(readPeer({ url: 'http://a:1', backup: false }), peer);
  });

  it('is refused with every problem at once', async () => {
    assert.deepEqual(await problemsOf(() => readPeer({ wieght: 3, zone: 'a b', priority: 101 })), [
      "url: is missing: expected a peer URL of scheme, host and port only, such as 'http://127.0.0.1:9001'",
      'priority: expected a whole number from 0 to 100, got 101',
      "zone: expected a name without spaces such as 'eu-west-1a', or null, got 'a b'",
      "wieght: unknown key; did you mean 'weight'?",
    ]);
    for (const raw of ['http://a:1', null, undefined, [], 3]) {
      assert.deepEqual(await problemsOf(() => readPeer(raw)), [': expected an object']);
    }
    assert.deepEqual(await problemsOf(() => readPeer({ ...peer, backup: true })), [
      'backup: stands for priority 1: give one of the two',
    ]);
  });
});

describe('a change of a peer', () => {
  it('has what is named and nothing else', () => {
    assert.deepEqual(readPeerPatch({ weight: 5 }), { weight: 5 });
    assert.deepEqual(readPeerPatch({ zone: null, draining: true }), { zone: null, draining: true });
    assert.deepEqual(readPeerPatch({ backup: true }), { priority: 1 });
  });

  it('names something, but not the URL', async () => {
    const [empty] = await problemsOf(() => readPeerPatch({}));
    assert.match(empty!, /expected at least one of weight, priority/);
    const [url] = await problemsOf(() => readPeerPatch({ url: 'http://b:1', weight: 2 }));
    assert.match(url!, /^url: can not be changed/);
    const [weight] = await problemsOf(() => readPeerPatch({ weight: 0 }));
    assert.equal(weight, 'weight: expected a whole number from 1 to 1000, got 0');
  });
});

describe('a file with peers', () => {
  const write = (context: TestContext, name: string, text: string | Uint8Array) => {
    const file = createTempDir(context).file(name);
    writeFileSync(file, text);
    return file;
  };

  it('is YAML, or JSON when it is called so', async (context) => {
    const yaml = write(context, 'peers', '- http://a:1\n- {url: http://b:1, backup: true}\n');
    const expected = [peer, { ...peer, url: 'http://b:1', priority: 1 }];
    assert.deepEqual(await readPeerFile(yaml), expected);
    const json = write(context, 'peers.json', JSON.stringify(['http://a:1', expected[1]]));
    assert.deepEqual(await readPeerFile(json), expected);
    assert.deepEqual(await readPeerFile(write(context, 'peers.yaml', '[]')), []);
  });

  it('is refused with the places of its problems', async (context) => {
    const file = write(
      context,
      'p.yaml',
      '- http://a:1\n- url: http://b:1\n  weight: x\n- http://a:1\n',
    );
    const problems = await problemsOf(() => readPeerFile(file));
    assert.deepEqual(
      problems.map((problem) => problem.replace(file, 'p.yaml')),
      [
        "p.yaml:3:11  [1].weight: expected a whole number from 1 to 1000, got 'x'",
        'p.yaml:4:3  [2]: the same peer as [0]; use weight for a larger share',
      ],
    );
  });

  it('is refused when it is half written, empty, a map, or no text', async (context) => {
    const rows: [string, string | Uint8Array, RegExp][] = [
      ['p.json', '[{"url": "http://a', /JSON: expected/],
      ['p.yaml', '', /expected a list of peers, got nothing/],
      ['p.yaml', 'peers: []', /expected a list of peers, got a map/],
      ['p.yaml', Uint8Array.of(0xff, 0xfe), /expected text in UTF-8/],
      ['p.yaml', 'x'.repeat(5 * 1024 * 1024), /at most 4 MiB/],
    ];
    for (const [name, text, expected] of rows) {
      const [problem] = await problemsOf(() => readPeerFile(write(context, name, text)));
      assert.match(problem!, expected);
    }
    const [missing] = await problemsOf(() => readPeerFile('/nowhere/peers.yaml'));
    assert.match(missing!, /cannot be read: ENOENT/);
  });
});

describe('the tag of peers', () => {
  it('changes with every setting and the origin, and with the order', () => {
    const other = { ...peer, url: 'http://b:1' };
    const lists = [
      [],
      [peer],
      [peer, other],
      [other, peer],
      [{ ...peer, weight: 2 }],
      [{ ...peer, priority: 1 }],
      [{ ...peer, connectionsMax: 1 }],
      [{ ...peer, zone: 'a' }],
      [{ ...peer, draining: true }],
      [{ ...peer, origin: 'dns' as const }],
    ];
    const tags = lists.map(peersTag);
    assert.equal(new Set(tags).size, lists.length);
    for (const tag of tags) assert.match(tag, /^"[0-9a-f]{24}"$/);
    assert.equal(peersTag([{ ...peer, origin: 'config' }]), peersTag([peer]));
  });

  it('is compared as If-Match is (RFC 9110 section 13.1.1)', () => {
    const rows: [string, boolean][] = [
      ['"a"', true],
      [' "b" , "a"', true],
      ['*', true],
      ['"b"', false],
      ['W/"a"', false],
      ['a', false],
      ['', false],
    ];
    for (const [field, expected] of rows) assert.equal(matchesTag(field, '"a"'), expected, field);
  });
});
