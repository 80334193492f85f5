// Slow start: how a recovered peer comes back to its share.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PowerOfTwo } from '../../../../src/worker/balance/power-of-two.ts';
import { RandomChoice } from '../../../../src/worker/balance/random.ts';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import { WarmUp } from '../../../../src/worker/balance/warm-up.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

function start({ windowMs = 30_000, floorPercent = 10 } = {}) {
  const configs = makePeers(1, 1, 1);
  const peers = configs.map(({ peer }) => peer);
  const warmUp = new WarmUp();
  warmUp.install([{ peers, windowMs, floorPercent }]);
  return { configs, peers, warmUp, group: peers[0]!.group };
}

describe('slow start', () => {
  it('does not slow down peers that were never down', () => {
    const { peers, warmUp } = start();
    warmUp.tick(performance.now());
    assert.deepEqual(
      peers.map(({ warmth }) => warmth),
      [1, 1, 1],
    );
  });

  it('lets peers that join others begin at the floor, but none where all are new', () => {
    const [a, b, c] = makePeers(1, 1, 1).map(({ peer }) => peer);
    assert.ok(a && b && c);
    const warmUp = new WarmUp();
    const install = (...peers: (typeof a)[]) =>
      warmUp.install([{ peers, windowMs: 10_000, floorPercent: 10 }], 1000);
    const warmths = () => [a, b, c].map(({ warmth }) => Number(warmth.toFixed(6)));
    install();
    install(a, b);
    assert.deepEqual(warmths(), [1, 1, 1]);
    const { version } = a.group;
    install(a, b, c);
    assert.deepEqual(warmths(), [1, 1, 0.1]);
    assert.notEqual(a.group.version, version);
    warmUp.tick(6000);
    assert.deepEqual(warmths(), [1, 1, 0.55]);
    install(a, b, c);
    assert.deepEqual(warmths(), [1, 1, 0.55], 'a reload changes nothing');
  });

  it('begins at the floor in the moment of the recovery and rises in a line to 1', () => {
    const { peers, warmUp } = start();
    const [peer] = peers;
    peer!.healthy = false;
    warmUp.tick(performance.now());
    assert.equal(peer!.warmth, 1, 'it gets nothing anyway');
    peer!.healthy = true;
    assert.equal(peer!.warmth, 0.1);
    const at = (ms: number) => {
      warmUp.tick(peer!.recoveredAtMs + ms);
      return Number(peer!.warmth.toFixed(6));
    };
    assert.deepEqual([0, 10_000, 15_000, 30_000, 40_000].map(at), [0.1, 0.4, 0.55, 1, 1]);
  });

  it('begins anew when the peer falls again', () => {
    const { peers, warmUp } = start();
    const [peer] = peers;
    peer!.healthy = false;
    peer!.healthy = true;
    warmUp.tick(peer!.recoveredAtMs + 20_000);
    assert.ok(peer!.warmth > 0.6);
    peer!.healthy = false;
    peer!.healthy = true;
    assert.equal(peer!.warmth, 0.1);
  });

  it('is off with a window of 0, also for those that were warming up', () => {
    const { peers, warmUp, group } = start();
    peers[0]!.healthy = false;
    peers[0]!.healthy = true;
    warmUp.install([{ peers, windowMs: 0, floorPercent: 10 }]);
    warmUp.tick(performance.now());
    assert.equal(peers[0]!.warmth, 1);
    assert.equal(group.warmthFloor, 1);
    peers[1]!.healthy = false;
    peers[1]!.healthy = true;
    assert.equal(peers[1]!.warmth, 1);
  });

  it('tells who derives from weights, and leaves them in peace when all are warm', () => {
    const { peers, warmUp, group } = start();
    peers[0]!.healthy = false;
    peers[0]!.healthy = true;
    const before = group.version;
    warmUp.tick(peers[0]!.recoveredAtMs + 1000);
    assert.ok(group.version > before);
    warmUp.tick(peers[0]!.recoveredAtMs + 31_000);
    const after = group.version;
    for (let turn = 0; turn < 5; turn++) warmUp.tick(peers[0]!.recoveredAtMs + 32_000 + turn);
    assert.equal(group.version, after);
  });

  it('shows in the share that a peer gets', () => {
    const { configs } = start();
    configs[0]!.peer.warmth = 0.25;
    const random = createSeededRandom(3).next;
    const balancers = {
      'round-robin': new RoundRobin(configs),
      random: new RandomChoice(configs, random),
      'power-of-two': new PowerOfTwo(configs, random),
    };
    for (const [name, balancer] of Object.entries(balancers)) {
      let cold = 0;
      for (let turn = 0; turn < 9000; turn++) {
        if (balancer.pick(makeExchange()) === configs[0]!.peer) cold += 1;
      }
      // A quarter of a share: 1/9 of all.
      assert.ok(Math.abs(cold - 1000) < 130, `${name}: ${cold} of 9000`);
    }
  });

  it('keeps every share in proportion while all warm up', () => {
    const configs = makePeers(1, 3);
    for (const { peer } of configs) peer.warmth = 0.1;
    const balancer = new RandomChoice(configs, createSeededRandom(9).next);
    let light = 0;
    for (let turn = 0; turn < 8000; turn++) {
      if (balancer.pick(makeExchange()) === configs[0]!.peer) light += 1;
    }
    assert.ok(Math.abs(light - 2000) < 200, `${light} of 8000`);
  });
});
