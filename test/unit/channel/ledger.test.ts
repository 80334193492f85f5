// A worker's account of its peers: numbers, changes, messages.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { Ledger } from '../../../src/channel/ledger.ts';
import { ejectedFlag, groupsMax, namesMax, suspectFlag } from '../../../src/channel/messages.ts';
import { limits } from '../../../src/core/limits.ts';
import { Peer, PeerGroup } from '../../../src/core/peer.ts';

const nothing = { ejected: [], down: [] };
/** Within the first second of the clock outcomes are not told. */
const nowMs = 1;

function makePeers(count: number, upstream = 'app'): Peer[] {
  const group = new PeerGroup(upstream);
  return Array.from({ length: count }, (_, at) => {
    const address = {
      scheme: 'http',
      hostname: 'h',
      port: at,
      authority: 'h',
      path: null,
    } as const;
    return new Peer(`${upstream}/http://h:${at}`, upstream, address, group);
  });
}

function report(acknowledged: number, inFlight: number[], health: number[] = []) {
  return { kind: 'report', acknowledged, inFlight, health } as const;
}

describe('a ledger', () => {
  test('says nothing when nothing changed', () => {
    const ledger = new Ledger();
    ledger.track(makePeers(3));
    ledger.begin(nothing);
    assert.equal(ledger.hasChanges, false);
    assert.deepEqual(ledger.take(nowMs), []);
  });

  test('gathers changes of a peer into one absolute value', () => {
    const ledger = new Ledger();
    const [a, b] = makePeers(2) as [Peer, Peer];
    ledger.track([a, b]);
    ledger.begin(nothing);
    for (let turn = 0; turn < 5; turn++) {
      b.inFlight += 1;
      assert.equal(ledger.touched(b), turn === 0, 'only the first starts a batch');
    }
    a.inFlight += 1;
    assert.equal(ledger.touched(a), false);
    const [message] = ledger.take(nowMs);
    assert.equal(message?.kind, 'counters');
    assert.deepEqual(message?.kind === 'counters' && message.inFlight, [1, 5, 0, 1]);
    assert.deepEqual(ledger.take(nowMs), []);
  });

  test('tells a new link everything, in messages that fit a frame', () => {
    const ledger = new Ledger();
    const peers = makePeers(groupsMax + 10);
    ledger.track(peers);
    peers[5]!.inFlight = 7;
    ledger.failed(peers[6]!);
    const messages = ledger.begin({ ejected: [4, 1, 2000], down: [7] });
    const names = messages.filter((message) => message.kind === 'peers');
    const counters = messages.filter((message) => message.kind === 'counters');
    assert.ok(names.every((message) => message.ids.length <= namesMax));
    assert.deepEqual(
      names.flatMap((message) => message.ids),
      [...peers.map((peer) => peer.id), 'app/'],
    );
    assert.equal(counters.length, 2);
    assert.ok(counters.every((message) => message.baseline));
    assert.deepEqual(counters[0]!.inFlight.slice(10, 12), [5, 7]);
    assert.deepEqual(counters[0]!.outcomes, [6, 1, 0, 1]);
    assert.deepEqual(counters[0]!.ejected, [4, 1, 2000]);
    assert.deepEqual(counters[0]!.down, [7]);
    const sequences = messages.map((message) => message.sequence);
    assert.deepEqual(
      sequences,
      [...sequences].sort((x, y) => x - y),
    );
    assert.equal(new Set(sequences).size, sequences.length);
  });

  test('keeps the number of a peer while its attempts run, then gives it away', () => {
    const ledger = new Ledger();
    const [a, b, c] = makePeers(3) as [Peer, Peer, Peer];
    ledger.track([a, b]);
    ledger.begin(nothing);
    a.inFlight = 1;
    ledger.track([b]);
    assert.equal(a.ledgerNumber, 0);
    a.inFlight = 0;
    ledger.touched(a);
    assert.deepEqual(ledger.take(nowMs)[0], { kind: 'peers', sequence: 3, first: 0, ids: [''] });
    assert.equal(a.ledgerNumber, -1);
    ledger.track([b, c]);
    assert.equal(c.ledgerNumber, 0);
  });

  test('applies a report only to names that it can have meant', () => {
    const ledger = new Ledger();
    const [a, b] = makePeers(2) as [Peer, Peer];
    ledger.track([a]);
    ledger.begin(nothing);
    const before = ledger.sequence;
    ledger.track([b]);
    ledger.take(nowMs);
    assert.equal(b.ledgerNumber, 0, 'the number of the other');
    assert.deepEqual(ledger.apply(report(before, [0, 9], [0, ejectedFlag, 1, 500]), nowMs), []);
    assert.deepEqual([b.inFlightElsewhere, b.healthy], [0, true]);
    ledger.apply(report(ledger.sequence, [0, 4], [0, ejectedFlag, 1, 500]), nowMs);
    assert.deepEqual([b.inFlightElsewhere, b.healthy], [4, false]);
    ledger.apply(report(ledger.sequence, [77, 4], [77, ejectedFlag, 1, 500]), nowMs);
  });

  test('counts failures, and tells a success only after one, here or elsewhere', () => {
    const ledger = new Ledger();
    const [a] = makePeers(1) as [Peer];
    ledger.track([a]);
    ledger.begin(nothing);
    ledger.failed(a);
    ledger.failed(a);
    assert.equal(a.failuresInRow, 2);
    ledger.succeeded(a);
    ledger.failed(a);
    const [message] = ledger.take(nowMs);
    assert.deepEqual(message?.kind === 'counters' && message.outcomes, [0, 3, 1, 1]);
    ledger.apply(report(ledger.sequence, [], [0, 0, 0, 0]), nowMs);
    assert.equal(a.failuresInRow, 0);
    ledger.apply(report(ledger.sequence, [], [0, suspectFlag, 0, 0]), nowMs);
    assert.equal(a.failuresInRow, 1, 'the next success is worth telling');
  });

  test('does not let a report that crossed an outcome hide it', () => {
    const ledger = new Ledger();
    const [a] = makePeers(1) as [Peer];
    ledger.track([a]);
    ledger.begin(nothing);
    const before = ledger.sequence;
    ledger.failed(a);
    ledger.take(nowMs);
    ledger.apply(report(before, [], [0, 0, 0, 0]), nowMs);
    assert.equal(a.failuresInRow, 1);
  });

  test('halves what it believes of others until nothing is left', () => {
    const ledger = new Ledger();
    const [a] = makePeers(1) as [Peer];
    ledger.track([a]);
    a.inFlightElsewhere = 5;
    assert.deepEqual([ledger.fade(), a.inFlightElsewhere], [true, 2]);
    assert.deepEqual([ledger.fade(), a.inFlightElsewhere], [true, 1]);
    assert.deepEqual([ledger.fade(), a.inFlightElsewhere], [false, 0]);
  });

  test('has a bound: peers beyond it stay the own business of the worker', () => {
    const ledger = new Ledger();
    const peers = makePeers(limits.linkPeersMax + 2);
    ledger.track(peers);
    const last = peers.at(-1)!;
    assert.equal(last.ledgerNumber, -1);
    assert.equal(ledger.touched(last), false);
    assert.equal(ledger.failed(last), null);
    assert.equal(last.failuresInRow, 1);
  });
});
