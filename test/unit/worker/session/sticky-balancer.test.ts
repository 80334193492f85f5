// When a session decides who gets an attempt, and when the balancer does.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Peer, PeerConfig } from '../../../../src/core/peer.ts';
import { StickyBalancer } from '../../../../src/worker/session/sticky-balancer.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

function createBench(changes: Partial<PeerConfig> = {}) {
  const peers = makePeers(1, 1).map((config) => ({ ...config, ...changes }));
  const [own, other] = peers.map(({ peer }) => peer) as [Peer, Peer];
  const balancer = new StickyBalancer({ pick: () => other }, peers);
  const exchange = makeExchange();
  exchange.sessionPeer = own;
  return { own, other, balancer, exchange };
}

describe('StickyBalancer', () => {
  it('picks the peer of the session', () => {
    const { own, balancer, exchange } = createBench();
    assert.equal(balancer.pick(exchange), own);
  });

  it('asks the balancer where there is no session', () => {
    const { other, balancer } = createBench();
    assert.equal(balancer.pick(makeExchange()), other);
  });

  it('keeps the sessions of a peer that drains', () => {
    const { own, balancer, exchange } = createBench();
    own.draining = true;
    assert.equal(balancer.pick(exchange), own);
  });

  it('asks the balancer when the peer is unhealthy, tried or not of this configuration', () => {
    const { own, other, balancer, exchange } = createBench();
    exchange.tried = [own];
    assert.equal(balancer.pick(exchange), other);
    exchange.tried = null;
    own.healthy = false;
    assert.equal(balancer.pick(exchange), other);
    own.healthy = true;
    exchange.sessionPeer = makePeers(1)[0]!.peer;
    assert.equal(balancer.pick(exchange), other);
  });

  it('stays with an unhealthy peer when verdicts are not believed', () => {
    const { own, balancer, exchange } = createBench();
    own.healthy = false;
    own.group.panics = true;
    assert.equal(balancer.pick(exchange), own);
  });

  it('asks the balancer when the peer is full', () => {
    const { own, other, balancer, exchange } = createBench({ connectionsMax: 2 });
    own.inFlight = 1;
    assert.equal(balancer.pick(exchange), own);
    own.inFlightElsewhere = 1;
    assert.equal(balancer.pick(exchange), other);
  });
});
