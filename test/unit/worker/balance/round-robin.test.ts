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

  it('skips peers that are unhealthy or were tried', () => {
    const peers = makePeers(1, 1, 1);
    const balancer = new RoundRobin(peers);
    peers[0]!.peer.healthy = false;
    const exchange = makeExchange();
    exchange.tried = [peers[1]!.peer];
    assert.equal(balancer.pick(exchange), peers[2]!.peer);
    exchange.tried.push(peers[2]!.peer);
    assert.equal(balancer.pick(exchange), peers[0]!.peer, 'an unhealthy peer is better than none');
    exchange.tried.push(peers[0]!.peer);
    assert.equal(balancer.pick(exchange), null);
  });

  it('uses all peers when none is healthy', () => {
    const peers = makePeers(1, 1);
    for (const { peer } of peers) peer.healthy = false;
    assert.equal(picks(new RoundRobin(peers), 4), 'abab');
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
