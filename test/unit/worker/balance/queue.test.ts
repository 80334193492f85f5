// The queue of an upstream whose peers are full: order, bounds, deadlines, and who may wait at all.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import type { Peer, PeerConfig } from '../../../../src/core/peer.ts';
import type { Ticket, Waiter } from '../../../../src/core/queue.ts';
import { PeerQueue } from '../../../../src/worker/balance/queue.ts';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import { makeExchange, makePeers, makePlan } from '../support/exchanges.ts';

function makeQueue({ pendingMax = 10, pendingTimeoutMs = 100, peerCount = 1 } = {}) {
  const peers: PeerConfig[] = makePeers(...new Array<number>(peerCount).fill(1)).map((config) => ({
    ...config,
    connectionsMax: 1,
  }));
  for (const { peer } of peers) peer.inFlight = 1;
  const balancer = new RoundRobin(peers);
  const clock = { nowMs: 0 };
  const later: (() => void)[] = [];
  const busy = new Set<PeerQueue>();
  const { group } = peers[0]!.peer;
  const queue = new PeerQueue(
    group,
    { peers, pendingMax, pendingTimeoutMs },
    { nowMs: () => clock.nowMs, soon: (callback) => later.push(callback), busy },
  );
  /** What happened, in order: `name>peer index` or `name!code`. */
  const log: string[] = [];
  const waiter = (name: string, priority = 0, tried: Peer[] | null = null): Waiter => {
    const exchange: Exchange = makeExchange();
    exchange.plan = makePlan({ balancer, priority });
    exchange.tried = tried;
    return {
      exchange,
      admit(peer) {
        peer.inFlight += 1;
        log.push(`${name}>${peers.findIndex((config) => config.peer === peer)}`);
      },
      refuse: (error) => log.push(`${name}!${error.code}`),
    };
  };
  const join = (name: string, priority = 0, tried: Peer[] | null = null): Ticket => {
    const place = queue.join(waiter(name, priority, tried));
    assert.ok(place !== null && !(place instanceof ProxyError), `${name} has a place`);
    return place;
  };
  const release = (at = 0) => {
    peers[at]!.peer.inFlight -= 1;
    group.queue?.wake();
    for (const callback of later.splice(0)) callback();
  };
  return { peers, queue, clock, later, busy, group, log, waiter, join, release };
}

describe('PeerQueue', () => {
  it('serves first in, first out', () => {
    const { join, release, log, queue } = makeQueue();
    for (const name of ['a', 'b', 'c']) join(name);
    for (let turn = 0; turn < 4; turn++) release();
    assert.deepEqual(log, ['a>0', 'b>0', 'c>0']);
    assert.equal(queue.isBusy, false);
  });

  it('serves higher priorities first, in order within each', () => {
    const { join, release, log } = makeQueue();
    for (const [name, priority] of Object.entries({ low: -1, a: 0, x: 5, b: 0, y: 5 })) {
      join(name, priority);
    }
    for (let turn = 0; turn < 5; turn++) release();
    assert.deepEqual(log, ['x>0', 'y>0', 'a>0', 'b>0', 'low>0']);
  });

  it('serves as many as there is room for at one look, and no more', () => {
    const { join, release, log, peers, later } = makeQueue({ peerCount: 3 });
    for (const name of ['a', 'b', 'c', 'd']) join(name);
    peers[1]!.peer.inFlight = 0;
    release(0);
    assert.deepEqual(
      log.map((entry) => entry[0]),
      ['a', 'b'],
    );
    assert.equal(later.length, 0);
  });

  it('asks those behind one that has tried the only peer with room', () => {
    const { join, release, log, peers } = makeQueue({ peerCount: 2 });
    join('retry', 0, [peers[0]!.peer]);
    join('fresh');
    release(0);
    assert.deepEqual(log, ['fresh>0']);
    release(1);
    assert.deepEqual(log, ['fresh>0', 'retry>1']);
  });

  it('is woken once, however many attempts end at the same time', () => {
    const { join, group, later } = makeQueue();
    join('a');
    for (let turn = 0; turn < 5; turn++) group.queue!.wake();
    assert.equal(later.length, 1);
  });

  it('refuses by queue_full beyond its bound', () => {
    const { join, queue, waiter } = makeQueue({ pendingMax: 2 });
    const first = join('a');
    join('b');
    const refused = queue.join(waiter('c'));
    assert.ok(refused instanceof ProxyError);
    assert.equal(refused.code, 'queue_full');
    first.leave();
    join('d');
  });

  it('refuses by queue_timeout who has waited long enough, and only those', () => {
    const { join, queue, clock, log } = makeQueue();
    join('a');
    clock.nowMs = 60;
    join('b');
    clock.nowMs = 100;
    queue.sweep(clock.nowMs);
    assert.deepEqual(log, ['a!queue_timeout']);
    clock.nowMs = 160;
    queue.sweep(clock.nowMs);
    assert.deepEqual(log, ['a!queue_timeout', 'b!queue_timeout']);
    assert.equal(queue.length, 0);
  });

  it('serves by the sweep when other workers have made room', () => {
    const { join, queue, peers, log } = makeQueue();
    peers[0]!.peer.inFlight = 0;
    peers[0]!.peer.inFlightElsewhere = 1;
    join('a');
    queue.sweep(1);
    assert.deepEqual(log, []);
    peers[0]!.peer.inFlightElsewhere = 0;
    queue.sweep(2);
    assert.deepEqual(log, ['a>0']);
  });

  it('forgets who leaves', () => {
    const { join, release, log, queue } = makeQueue();
    const place = join('a');
    join('b');
    place.leave();
    place.leave();
    assert.equal(queue.length, 1);
    release();
    assert.deepEqual(log, ['b>0']);
  });

  it('takes nobody for whom no peer is merely full', () => {
    const { queue, waiter, peers } = makeQueue();
    assert.equal(queue.join(waiter('tried', 0, [peers[0]!.peer])), null);
    peers[0]!.peer.healthy = false;
    assert.equal(queue.join(waiter('down')), null);
    peers[0]!.peer.healthy = true;
    peers[0]!.peer.draining = true;
    assert.equal(queue.join(waiter('draining')), null);
  });

  it('is known to its group and to the sweep only while somebody waits', () => {
    const { join, group, busy, queue } = makeQueue();
    assert.equal(group.queue, null);
    const place = join('a');
    assert.equal(group.queue, queue);
    assert.deepEqual([...busy], [queue]);
    place.leave();
    assert.equal(group.queue, null);
    assert.equal(busy.size, 0);
  });

  it('is woken when a peer recovers', () => {
    const { join, peers, later, log } = makeQueue({ peerCount: 2 });
    peers[1]!.peer.healthy = false;
    peers[1]!.peer.inFlight = 0;
    join('a');
    peers[1]!.peer.healthy = true;
    for (const callback of later.splice(0)) callback();
    assert.deepEqual(log, ['a>1']);
  });
});
