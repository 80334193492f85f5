// Smooth weighted round robin: shares, smoothness, and whom it leaves out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

function picks(balancer: RoundRobin, count: number): string {
  let order = '';
  for (let at = 0; at < count; at++) {
    order += 'abcdef'[Number(balancer.pick(makeExchange())!.address.hostname.at(-1)) - 1];
  }
  return order;
}

describe('RoundRobin', () => {
  it('spreads the heavy peer evenly between the others', () => {
    assert.equal(picks(new RoundRobin(makePeers(5, 1, 1)), 14), 'aabacaaaabacaa');
  });

  it('takes turns among equals', () => {
    assert.equal(picks(new RoundRobin(makePeers(1, 1, 1)), 6), 'abcabc');
  });

  it('starts further ahead when told, with the same cycle', () => {
    assert.equal(picks(new RoundRobin(makePeers(1, 1, 1), 1), 6), 'bcabca');
  });

  it('skips who may not get work without giving them credit for later', () => {
    const peers = makePeers(1, 1, 1);
    const balancer = new RoundRobin(peers);
    peers[0]!.peer.healthy = false;
    assert.equal(picks(balancer, 6), 'bcbcbc');
    peers[0]!.peer.healthy = true;
    assert.deepEqual([...picks(balancer, 3)].sort().join(''), 'abc');
  });

  it('gives a peer that warms up the share of its warmth', () => {
    const peers = makePeers(2, 2);
    peers[1]!.peer.warmth = 0.25;
    peers[1]!.peer.group.version += 1;
    assert.equal(picks(new RoundRobin(peers), 10).replaceAll('a', ''), 'bb');
  });

  it('keeps exact shares over any whole number of cycles', () => {
    const peers = makePeers(7, 3, 2);
    const balancer = new RoundRobin(peers);
    const counts = new Map(peers.map(({ peer }) => [peer, 0]));
    for (let at = 0; at < 1200; at++) {
      const peer = balancer.pick(makeExchange())!;
      counts.set(peer, counts.get(peer)! + 1);
    }
    assert.deepEqual([...counts.values()], [700, 300, 200]);
  });
});
