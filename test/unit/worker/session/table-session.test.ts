// Sessions by a header field or by the application's own cookie, over a table made for the test.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Peer } from '../../../../src/core/peer.ts';
import type { SessionTable } from '../../../../src/core/session.ts';
import { HalfSipHash } from '../../../../src/std/half-sip-hash.ts';
import { TableSession } from '../../../../src/worker/session/table-session.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

const peers = makePeers(1, 1, 1).map(({ peer }) => peer);
const [a, b] = peers as [Peer, Peer, Peer];

class FakeTable implements SessionTable {
  readonly entries = new Map<string, string>();
  readonly calls: string[] = [];

  find(high: number, low: number): string | null {
    return this.entries.get(`${high}/${low}`) ?? null;
  }
  stick(high: number, low: number, peerId: string): void {
    this.calls.push(peerId);
    this.entries.set(`${high}/${low}`, peerId);
  }
}

function createBench(by: 'header' | 'learned-cookie', name: string) {
  const table = new FakeTable();
  const hash = new HalfSipHash(Buffer.from('12345678'));
  const session = new TableSession({ by, name, table, hash, peers, wallMs: Date.now });
  /** Runs one exchange; `peer` answers. Returns where the session was before. */
  const run = (
    request: string[],
    peer: Peer,
    { status = 200, response = [] as string[] } = {},
  ): Peer | null => {
    const exchange = makeExchange();
    exchange.requestHeaders = [...request];
    session.open(exchange);
    exchange.peer = peer;
    exchange.status = status;
    exchange.responseHeaders = [...response];
    session.settle(exchange);
    assert.deepEqual(exchange.requestHeaders, request, 'the peer sees what the client sent');
    assert.deepEqual(exchange.responseHeaders, response, 'and the client what the peer sent');
    return exchange.sessionPeer;
  };
  return { table, run };
}

describe('TableSession by header', () => {
  it('keeps requests with the same value on the peer that answered the first', () => {
    const { table, run } = createBench('header', 'X-Session');
    assert.equal(run(['x-session', 'one'], a), null);
    assert.equal(run(['x-session', 'two'], b), null);
    assert.equal(run(['x-session', 'one'], a), a);
    assert.equal(run(['x-session', 'two'], b), b);
    assert.deepEqual(table.calls, [a.id, b.id], 'what is known is not written again');
  });

  it('leaves requests without the field, or with nothing in it, to the balancer', () => {
    const { table, run } = createBench('header', 'x-session');
    run([], a);
    run(['x-session', ''], a);
    assert.equal(table.entries.size, 0);
  });

  it('remembers no value, only its hash', () => {
    const { table, run } = createBench('header', 'x-session');
    run(['x-session', 'very secret'], a);
    assert.deepEqual([...table.entries.keys()].join().match(/[^\d/]/g), null);
  });

  it('moves on success only', () => {
    const { run } = createBench('header', 'x-session');
    run(['x-session', 'one'], a);
    for (const status of [502, 503, 504]) run(['x-session', 'one'], b, { status });
    assert.equal(run(['x-session', 'one'], b), a);
    assert.equal(run(['x-session', 'one'], b), b);
  });

  it('forgets who was on a peer that is no more', () => {
    const { table, run } = createBench('header', 'x-session');
    run(['x-session', 'one'], a);
    for (const key of table.entries.keys()) table.entries.set(key, 'app/gone');
    assert.equal(run(['x-session', 'one'], b), null);
    assert.equal(run(['x-session', 'one'], b), b);
  });
});

describe('TableSession by learned cookie', () => {
  const given = (value: string) => ({ response: ['set-cookie', `sid=${value}; Path=/; HttpOnly`] });

  it('learns a session from the response that begins it', () => {
    const { run } = createBench('learned-cookie', 'sid');
    assert.equal(run([], a, given('s%3Aone.x')), null);
    assert.equal(run(['cookie', 'theme=dark; sid=s%3Aone.x'], a), a);
    assert.equal(run(['cookie', 'sid=s%3Atwo.y'], b), null);
  });

  it('knows a session again under its new name, and the old one while that lasts', () => {
    const { run } = createBench('learned-cookie', 'sid');
    run([], a, given('one'));
    assert.equal(run(['cookie', 'sid=one'], a, given('two')), a);
    assert.equal(run(['cookie', 'sid=two'], a), a);
    assert.equal(run(['cookie', 'sid=one'], a), a);
  });

  it('keeps a session that it does not know where it comes to rest', () => {
    const { run } = createBench('learned-cookie', 'sid');
    assert.equal(run(['cookie', 'sid=from-before'], b), null);
    assert.equal(run(['cookie', 'sid=from-before'], b), b);
  });

  it('learns nothing from a response that ends a session', () => {
    const { table, run } = createBench('learned-cookie', 'sid');
    run([], a, given(''));
    run([], a, { response: ['set-cookie', 'sid=one; Max-Age=0'] });
    run([], a, { response: ['set-cookie', 'other=one'] });
    assert.equal(table.entries.size, 0);
  });

  it('tells names of cookies apart by case', () => {
    const { run } = createBench('learned-cookie', 'SID');
    run([], a, given('one'));
    assert.equal(run(['cookie', 'SID=one'], a), null);
  });
});
