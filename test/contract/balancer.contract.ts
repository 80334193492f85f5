// What every balancer promises, whatever its algorithm: run by test/contract/balancers.test.ts for all of
// them. A new balancer adds one line there.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Balancer } from '../../src/core/balancer.ts';
import type { PeerConfig } from '../../src/core/peer.ts';
import { createSeededRandom } from '../support/random.ts';
import { makeExchange, makePeers } from '../unit/worker/support/exchanges.ts';

/** Makes a balancer over `peers`; `random` is seeded. */
export type BalancerFactory = (peers: readonly PeerConfig[], random: () => number) => Balancer;

export interface BalancerTraits {
  /** The share of a peer follows its weight when all are idle. */
  readonly followsWeight: boolean;
  /** One client always meets the same peer as long as nothing changes. */
  readonly isSticky: boolean;
}

/** Exchange of a client that no other call has used. */
function strangerNumber(number: number) {
  return makeExchange({
    remoteAddress: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
  });
}

function counts(balancer: Balancer, peers: readonly PeerConfig[], picks: number): number[] {
  const indexes = new Map(peers.map(({ peer }, at) => [peer, at]));
  const result = peers.map(() => 0);
  for (let at = 0; at < picks; at++) {
    const index = indexes.get(balancer.pick(strangerNumber(at))!);
    result[index!]! += 1;
  }
  return result;
}

export function balancerContract(
  name: string,
  create: BalancerFactory,
  traits: BalancerTraits,
): void {
  describe(`balancer ${name}`, () => {
    const random = () => createSeededRandom(42).next;

    it('returns null when there is nobody to pick', () => {
      const peers = makePeers(1, 2);
      for (const { peer } of peers) peer.healthy = false;
      assert.equal(create(peers, random()).pick(makeExchange()), null);
    });

    it('never picks a peer that is unhealthy, draining, tried or full', () => {
      const peers = makePeers(1, 1, 1, 1, 1).map((config, at) => ({
        ...config,
        connectionsMax: at === 3 ? 2 : 0,
      }));
      peers[0]!.peer.healthy = false;
      peers[1]!.peer.draining = true;
      peers[3]!.peer.inFlight = 1;
      peers[3]!.peer.inFlightElsewhere = 1;
      const balancer = create(peers, random());
      for (let at = 0; at < 500; at++) {
        const exchange = strangerNumber(at);
        exchange.tried = [peers[2]!.peer];
        assert.equal(balancer.pick(exchange), peers[4]!.peer);
      }
    });

    it('comes back to a peer that has recovered', () => {
      const peers = makePeers(1, 1, 1);
      const balancer = create(peers, random());
      peers[0]!.peer.healthy = false;
      counts(balancer, peers, 100);
      peers[0]!.peer.healthy = true;
      assert.ok(counts(balancer, peers, 1000)[0]! > 0);
    });

    it('gives a peer no more work once it drains, and again when it does not', () => {
      const peers = makePeers(1, 1);
      const balancer = create(peers, random());
      counts(balancer, peers, 50);
      peers[0]!.peer.draining = true;
      assert.equal(counts(balancer, peers, 200)[0], 0);
      peers[0]!.peer.draining = false;
      peers[1]!.peer.draining = true;
      assert.equal(counts(balancer, peers, 200)[1], 0);
    });

    it('finds the only available one of a thousand', () => {
      const peers = makePeers(...new Array<number>(1000).fill(1));
      for (const { peer } of peers) peer.healthy = false;
      peers[777]!.peer.healthy = true;
      const balancer = create(peers, random());
      for (let at = 0; at < 50; at++) {
        assert.equal(balancer.pick(strangerNumber(at)), peers[777]!.peer);
      }
    });

    it('serves a single peer', () => {
      const peers = makePeers(3);
      assert.equal(create(peers, random()).pick(makeExchange()), peers[0]!.peer);
    });

    if (traits.followsWeight) {
      it('gives each peer its share by weight (chi-square, p = 0.001)', () => {
        const weights = [1, 2, 3, 10];
        const peers = makePeers(...weights);
        const picks = 16_000;
        const seen = counts(create(peers, random()), peers, picks);
        let chiSquare = 0;
        for (const [at, weight] of weights.entries()) {
          const expected = (picks * weight) / 16;
          chiSquare += (seen[at]! - expected) ** 2 / expected;
        }
        assert.ok(chiSquare < 16.27, `chi-square ${chiSquare.toFixed(1)} for ${seen}`);
      });
    }

    if (traits.isSticky) {
      it('sends a client to the same peer until that is gone, and back', () => {
        const peers = makePeers(1, 1, 1, 1);
        const balancer = create(peers, random());
        const home = balancer.pick(makeExchange())!;
        for (let at = 0; at < 20; at++) assert.equal(balancer.pick(makeExchange()), home);
        home.healthy = false;
        const refuge = balancer.pick(makeExchange())!;
        assert.notEqual(refuge, home);
        for (let at = 0; at < 20; at++) assert.equal(balancer.pick(makeExchange()), refuge);
        home.healthy = true;
        assert.equal(balancer.pick(makeExchange()), home);
      });
    }
  });
}
