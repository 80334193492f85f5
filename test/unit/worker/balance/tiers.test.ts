// Tiers: which peers an algorithm chooses from, by zone, priority and how many are healthy.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Balancer } from '../../../../src/core/balancer.ts';
import type { PeerConfig } from '../../../../src/core/peer.ts';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import { Tiers } from '../../../../src/worker/balance/tiers.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

/** Peers a, b, c… as `PRIORITY ZONE`, e.g. '0 east'. */
function makeTiers(places: string[], { zone = null as string | null, panicPercent = 50 } = {}) {
  const peers: PeerConfig[] = makePeers(...places.map(() => 1)).map((config, at) => {
    const [priority, where = ''] = places[at]!.split(' ');
    return { ...config, priority: Number(priority), zone: where === '' ? null : where };
  });
  const made: string[] = [];
  const create = (some: readonly PeerConfig[]): Balancer => {
    made.push(some.map((config) => letterOf(peers, config)).join(''));
    return new RoundRobin(some);
  };
  const tiers = new Tiers({ peers, zone, panicPercent, create });
  /** The letters of those that get work, in order. */
  const used = (tried = '') => {
    const seen = new Set<string>();
    for (let turn = 0; turn < 50; turn++) {
      const exchange = makeExchange();
      if (tried !== '') exchange.tried = [...tried].map((letter) => peerOf(peers, letter));
      const peer = tiers.pick(exchange);
      if (peer !== null) seen.add('abcdefgh'[peers.findIndex((config) => config.peer === peer)]!);
    }
    return [...seen].sort().join('');
  };
  const set = (letters: string, what: 'down' | 'up' | 'drain') => {
    for (const letter of letters) {
      const peer = peerOf(peers, letter);
      if (what === 'drain') peer.draining = true;
      else peer.healthy = what === 'up';
    }
  };
  return { peers, tiers, used, set, made };
}

function letterOf(peers: readonly PeerConfig[], config: PeerConfig): string {
  return 'abcdefgh'[peers.indexOf(config)]!;
}

function peerOf(peers: readonly PeerConfig[], letter: string) {
  return peers['abcdefgh'.indexOf(letter)]!.peer;
}

describe('priorities', () => {
  it('leave higher ones alone while half of the first are healthy', () => {
    const { used, set } = makeTiers(['0', '0', '0', '0', '1', '1']);
    assert.equal(used(), 'abcd');
    set('ab', 'down');
    assert.equal(used(), 'cd');
  });

  it('add the next priority when too few are healthy, and give it back', () => {
    const { used, set } = makeTiers(['0', '0', '0', '1', '2']);
    set('ab', 'down');
    assert.equal(used(), 'cd');
    set('c', 'down');
    assert.equal(used(), 'd');
    set('d', 'down');
    assert.equal(used(), 'e');
    set('a', 'up');
    assert.equal(used(), 'ae');
    set('b', 'up');
    assert.equal(used(), 'ab');
  });

  it('keep to the first as long as one is left, where there is no panic', () => {
    const { used, set } = makeTiers(['0', '0', '0', '1'], { panicPercent: 0 });
    set('ab', 'down');
    assert.equal(used(), 'c');
    set('c', 'down');
    assert.equal(used(), 'd');
    set('d', 'down');
    assert.equal(used(), '');
  });

  it('are left where the peers of one have been tried, or are full', () => {
    const { used, peers, tiers } = makeTiers(['0', '1', '2']);
    assert.equal(used('a'), 'b');
    assert.equal(used('ab'), 'c');
    assert.equal(used('abc'), '');
    const full = { ...peers[0]!, connectionsMax: 1 };
    const bounded = new Tiers({
      peers: [full, peers[1]!],
      zone: null,
      panicPercent: 50,
      create: (some) => new RoundRobin(some),
    });
    full.peer.inFlight = 1;
    assert.equal(bounded.pick(makeExchange()), peers[1]!.peer);
    full.peer.inFlight = 0;
    assert.equal(bounded.pick(makeExchange()), full.peer);
    assert.notEqual(tiers.pick(makeExchange()), null);
  });
});

describe('zones', () => {
  it('keep work in the own zone while half of it is healthy', () => {
    const places = ['0 east', '0 east', '0 west', '0 west', '0'];
    const { used, set } = makeTiers(places, { zone: 'east' });
    assert.equal(used(), 'ab');
    set('a', 'down');
    assert.equal(used(), 'b');
    set('b', 'down');
    assert.equal(used(), 'cde');
    set('b', 'up');
    assert.equal(used(), 'b');
  });

  it('use the other zones beside the own one when that is short', () => {
    const { used, set } = makeTiers(['0 east', '0 east', '0 east', '0 west'], { zone: 'east' });
    set('ab', 'down');
    assert.equal(used(), 'cd');
  });

  it('come after priorities', () => {
    const { used, set } = makeTiers(['0 west', '0 west', '1 east', '1 west'], { zone: 'east' });
    assert.equal(used(), 'ab', 'the own zone is only in the second priority');
    set('ab', 'down');
    assert.equal(used(), 'c', 'of the second priority the own zone first');
    set('c', 'down');
    assert.equal(used(), 'd');
  });

  it('mean nothing to a proxy without one, or when all peers are in it', () => {
    assert.equal(makeTiers(['0 east', '0 west']).used(), 'ab');
    const same = makeTiers(['0 east', '0 east'], { zone: 'east' });
    assert.equal(same.used(), 'ab');
    assert.deepEqual(same.made, ['ab']);
  });
});

describe('panic', () => {
  it('uses everybody when no priority has enough healthy peers, and ends with it', () => {
    const { used, set, peers } = makeTiers(['0', '0', '0', '1', '1', '1']);
    set('abcde', 'down');
    assert.equal(used(), 'abcdef');
    assert.equal(peers[0]!.peer.group.panics, true);
    set('e', 'up');
    assert.equal(used(), 'ef');
    assert.equal(peers[0]!.peer.group.panics, false);
  });

  it('uses everybody when all are unhealthy', () => {
    const { used, set } = makeTiers(['0', '0']);
    set('ab', 'down');
    assert.equal(used(), 'ab');
  });

  it('never uses a peer that drains, and counts without it', () => {
    const { used, set } = makeTiers(['0', '0', '0', '0']);
    set('ab', 'drain');
    set('c', 'down');
    assert.equal(used(), 'd', 'one of two that count is healthy: enough');
    set('d', 'down');
    assert.equal(used(), 'cd');
    set('cd', 'drain');
    assert.equal(used(), '');
  });
});

describe('the choice of candidates', () => {
  it('is made anew only when a verdict changes', () => {
    const { peers, tiers, set, made } = makeTiers(['0', '1']);
    const { group } = peers[0]!.peer;
    for (let turn = 0; turn < 5; turn++) tiers.pick(makeExchange());
    const version = group.version;
    set('a', 'up');
    assert.equal(group.version, version, 'the same verdict is no change');
    set('a', 'down');
    assert.equal(group.version, version + 1);
    set('a', 'up');
    for (let turn = 0; turn < 5; turn++) tiers.pick(makeExchange());
    assert.deepEqual(made, ['a'], 'an algorithm is made once, when its peers are first used');
  });

  it('agrees with its definition for any tiers, zones and verdicts', () => {
    const random = createSeededRandom();
    for (let round = 0; round < 300; round++) {
      const count = 1 + random.below(8);
      const places = Array.from({ length: count }, () => {
        return `${random.below(3)} ${random.pick(['east', 'west', ''])}`;
      });
      const zone = random.pick(['east', null]);
      const panicPercent = random.pick([0, 30, 50, 100]);
      const { used, set, peers } = makeTiers(places, { zone, panicPercent });
      for (const letter of 'abcdefgh'.slice(0, count)) {
        if (random.next() < 0.5) set(letter, 'down');
        if (random.next() < 0.2) set(letter, 'drain');
      }
      const expected = candidates(peers, zone, panicPercent);
      const letters = expected.map((config) => letterOf(peers, config)).sort();
      assert.equal(used(), letters.join(''), `seed ${random.seed} round ${round}: ${places}`);
    }
  });
});

/** The documented rule, written the slow way. */
function candidates(peers: PeerConfig[], zone: string | null, panicPercent: number): PeerConfig[] {
  const serving = peers.filter(({ peer }) => !peer.draining);
  const healthy = serving.filter(({ peer }) => peer.healthy);
  const isEnough = (part: PeerConfig[]) => {
    const good = part.filter(({ peer }) => peer.healthy).length;
    return good > 0 && good / part.length >= panicPercent / 100;
  };
  for (const priority of [0, 1, 2]) {
    const before = healthy.filter((config) => config.priority < priority);
    const tier = serving.filter((config) => config.priority === priority);
    const own = tier.filter((config) => zone !== null && config.zone === zone);
    for (const part of [own, tier]) {
      if (isEnough(part)) return [...before, ...part.filter(({ peer }) => peer.healthy)];
    }
  }
  return panicPercent === 0 ? [] : serving;
}
