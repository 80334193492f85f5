// Peers laid over a configuration: who wins, what is refused, and what outlives a reload.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PeerChange } from '../../../src/channel/peer-change.ts';
import { type LivePeer, originOfPeer } from '../../../src/config/live-peer.ts';
import { readPeer } from '../../../src/config/read-peers.ts';
import type { Config, ConfigInput } from '../../../src/config/schema.ts';
import {
  applyOverlay,
  changeOverlay,
  type Overlay,
  rebaseOverlay,
} from '../../../src/primary/overlay.ts';
import { testConfig } from './fake-fleet.ts';

const none: Overlay = new Map();
const a = 'http://127.0.0.1:9001';
const b = 'http://127.0.0.1:9002';
const c = 'http://127.0.0.1:9003';

type Upstream = ConfigInput['upstreams'][string];

function configOf(app: Upstream): Config {
  return testConfig({ upstreams: { app, other: { peers: [a] } } });
}

/** Applies changes to `app`, every one of which must make sense. */
function laidOver(config: Config, ...changes: PeerChange[]): Overlay {
  return changes.reduce<Overlay>((overlay, change) => {
    const next = changeOverlay(config, overlay, { upstream: 'app', change });
    assert.ok(!('reason' in next), JSON.stringify(next));
    return next;
  }, none);
}

function refusalOf(config: Config, overlay: Overlay, change: PeerChange): string {
  const next = changeOverlay(config, overlay, { upstream: 'app', change });
  assert.ok('reason' in next, 'nothing is refused');
  return next.reason;
}

/** The peers of `app` as short texts: port, origin and what is not as usual. */
function shown(config: Config, overlay: Overlay): string[] {
  const peers = applyOverlay(config, overlay).upstreams['app']!.peers as LivePeer[];
  return peers.map((peer) => {
    const { url, weight, draining } = peer;
    const extra = `${weight === 1 ? '' : ` ×${weight}`}${draining ? ' draining' : ''}`;
    return `${url.slice(-4)} ${originOfPeer(peer)}${extra}`;
  });
}

const add = (url: string, settings: object = {}): PeerChange => {
  return { kind: 'add', peer: readPeer({ url, ...settings }) };
};
const remove = (url: string): PeerChange => ({ kind: 'remove', url });
const alter = (url: string, change: { weight?: number; draining?: boolean }): PeerChange => {
  return { kind: 'alter', url, change };
};
const found = (source: 'dns' | 'file', ...urls: string[]): PeerChange => {
  return { kind: 'found', source, peers: urls.map((url) => readPeer({ url })) };
};

describe('an overlay', () => {
  it('leaves a configuration and untouched upstreams the very same objects', () => {
    const config = configOf({ peers: [a] });
    assert.equal(applyOverlay(config, none), config);
    const after = applyOverlay(config, laidOver(config, add(b)));
    assert.equal(after.upstreams['other'], config.upstreams['other']);
    assert.notEqual(after, config);
  });

  it('adds, alters and removes peers of every origin', () => {
    const config = configOf({ peers: [a], discovery: { dns: 'app.internal', file: 'peers.json' } });
    const all = laidOver(config, found('dns', c), found('file', b), add('http://127.0.0.1:9004'));
    assert.deepEqual(shown(config, all), ['9001 config', '9004 api', '9002 file', '9003 dns']);
    for (const url of [a, b, c, 'http://127.0.0.1:9004']) {
      const port = url.slice(-4);
      const altered = changeOverlay(config, all, {
        upstream: 'app',
        change: alter(url, { weight: 7, draining: true }),
      }) as Overlay;
      const line = shown(config, altered).find((text) => text.startsWith(port));
      assert.match(line ?? '', /×7 draining$/);
      const removed = changeOverlay(config, altered, { upstream: 'app', change: remove(url) });
      assert.ok(!shown(config, removed as Overlay).some((text) => text.startsWith(port)));
      const back = changeOverlay(config, removed as Overlay, { upstream: 'app', change: add(url) });
      const again = shown(config, back as Overlay).find((text) => text.startsWith(port));
      assert.match(again ?? '', /^\d+ \w+$/, 'what comes back has forgotten its alterations');
    }
  });

  it('believes the configuration before the API, the API before a file, a file before DNS', () => {
    const config = configOf({ peers: [], discovery: { dns: 'app.internal', file: 'peers.json' } });
    const overlay = laidOver(
      config,
      add(a, { weight: 5 }),
      found('dns', a, b),
      found('file', a, b),
    );
    assert.deepEqual(shown(config, overlay), ['9001 api ×5', '9002 file']);
    const changed = laidOver(config, found('dns', a), found('file', a), found('file'));
    assert.deepEqual(shown(config, changed), ['9001 dns']);
  });

  it('removes a peer that several name, for all of them', () => {
    const config = configOf({ peers: [], discovery: { dns: 'app.internal' } });
    const overlay = laidOver(config, add(a), found('dns', a, b), remove(a));
    assert.deepEqual(shown(config, overlay), ['9002 dns']);
  });

  it('gives a removed peer back with the settings that it is added with', () => {
    const config = configOf({ peers: [{ url: a, weight: 3 }, b] });
    const overlay = laidOver(config, remove(a), add(a, { weight: 9 }));
    assert.deepEqual(shown(config, overlay), ['9001 config ×9', '9002 config']);
    assert.equal(laidOver(config, remove(a), add(a, { weight: 3 })).size, 0);
  });

  it('is empty again when everything is as the configuration says', () => {
    const config = configOf({ peers: [a, b] });
    const overlay = laidOver(
      config,
      alter(a, { weight: 4 }),
      add(c),
      alter(a, { weight: 1 }),
      remove(c),
    );
    assert.equal(overlay.size, 0);
  });

  it('refuses what makes no sense, by name', () => {
    const config = configOf({ peers: [a] });
    assert.equal(refusalOf(config, none, add(a)), 'peer-exists');
    assert.equal(refusalOf(config, none, remove(b)), 'unknown-peer');
    assert.equal(refusalOf(config, none, alter(b, { weight: 2 })), 'unknown-peer');
    assert.equal(refusalOf(config, none, remove(a)), 'last-peer');
    const two = laidOver(config, add(b), remove(a));
    assert.equal(refusalOf(config, two, remove(b)), 'last-peer');
    assert.equal(refusalOf(config, two, alter(a, { weight: 2 })), 'unknown-peer');
    const elsewhere = changeOverlay(config, none, { upstream: 'nowhere', change: add(b) });
    assert.equal('reason' in elsewhere && elsewhere.reason, 'unknown-upstream');
    const inherited = changeOverlay(config, none, { upstream: 'toString', change: add(b) });
    assert.equal('reason' in inherited && inherited.reason, 'unknown-upstream');
  });

  it('forgets what was said about a found peer when nobody names it any more', () => {
    const config = configOf({ peers: [], discovery: { dns: 'app.internal' } });
    const overlay = laidOver(
      config,
      found('dns', a, b, c),
      alter(a, { draining: true }),
      remove(b),
      found('dns', c),
      found('dns', a, b, c),
    );
    assert.deepEqual(shown(config, overlay), ['9001 dns', '9002 dns', '9003 dns']);
  });

  it('never lets removals leave nothing when an answer shrinks', () => {
    const config = configOf({ peers: [], discovery: { dns: 'app.internal' } });
    const overlay = laidOver(config, found('dns', a, b), remove(a), found('dns', a));
    assert.deepEqual(shown(config, overlay), ['9001 dns']);
  });

  it('expects the certificate of the name whose addresses DNS gave', () => {
    const discovery = { dns: 'app.internal:8443', scheme: 'https' } as const;
    const serverName = (app: Upstream) => {
      const config = configOf(app);
      const overlay = laidOver(config, found('dns', 'https://127.0.0.1:8443'));
      return applyOverlay(config, overlay).upstreams['app']!.tls.serverName;
    };
    assert.equal(serverName({ discovery }), 'app.internal');
    assert.equal(serverName({ discovery, tls: { serverName: 'own.internal' } }), 'own.internal');
    assert.equal(serverName({ discovery, peers: ['https://a.internal'] }), null);
  });
});

describe('an overlay at a reload', () => {
  const rebased = (before: Config, after: Config, ...changes: PeerChange[]) => {
    return shown(after, rebaseOverlay(laidOver(before, ...changes), before, after));
  };

  it('keeps what the new configuration does not speak about', () => {
    const before = configOf({ peers: [a, b] });
    const after = configOf({ peers: [a, b], panicPercent: 20 });
    assert.deepEqual(rebased(before, after, add(c), remove(a), alter(b, { weight: 6 })), [
      '9002 config ×6',
      '9003 api',
    ]);
  });

  it('lets the new configuration win where it says something new', () => {
    const before = configOf({ peers: [a, b] });
    const after = configOf({ peers: [{ url: a, weight: 2 }, b, { url: c, weight: 4 }] });
    assert.deepEqual(
      rebased(before, after, alter(a, { weight: 9, draining: true }), add(c, { weight: 8 })),
      ['9001 config ×2 draining', '9002 config', '9003 config ×4'],
    );
  });

  it('forgets peers and upstreams that are gone, and removals that would leave nothing', () => {
    const before = configOf({ peers: [a, b] });
    assert.deepEqual(rebased(before, configOf({ peers: [b] }), remove(b)), ['9002 config']);
    assert.deepEqual(rebased(before, configOf({ peers: [b] }), remove(a)), ['9002 config']);
    const gone = testConfig({ upstreams: { other: { peers: [a] } }, routes: [{ to: 'other' }] });
    assert.equal(rebaseOverlay(laidOver(before, add(c)), before, gone).size, 0);
  });

  it('keeps found peers until their source answers, unless there is none any more', () => {
    const before = configOf({ peers: [a], discovery: { dns: 'one.internal', file: 'one.json' } });
    const renamed = configOf({ peers: [a], discovery: { dns: 'two.internal', file: 'two.json' } });
    const changes = [found('dns', b), found('file', c)];
    assert.deepEqual(rebased(before, renamed, ...changes), [
      '9001 config',
      '9003 file',
      '9002 dns',
    ]);
    assert.deepEqual(rebased(before, configOf({ peers: [a] }), ...changes), ['9001 config']);
  });
});
