// Sessions by a cookie of our own: what the client gets, what the peer sees, what a forger gains.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RequestHead } from '../../../../src/core/exchange.ts';
import type { Peer } from '../../../../src/core/peer.ts';
import { CookieSession } from '../../../../src/worker/session/cookie-session.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { makeExchange, makePeers } from '../support/exchanges.ts';

const secret = 'a secret of the operator';
const peers = makePeers(1, 1, 1).map(({ peer }) => peer);
const [a, b, c] = peers as [Peer, Peer, Peer];

function createBench(changes: Partial<ConstructorParameters<typeof CookieSession>[0]> = {}) {
  const bench = { wallMs: Date.parse('2026-01-01T00:00:00Z') };
  const options = { name: 'sluice', secret, ttlMs: 600_000, peers };
  const session = new CookieSession({ ...options, wallMs: () => bench.wallMs, ...changes });
  return { bench, session };
}

/** A request as far as its session is open, with this Cookie field. */
function open(session: CookieSession, cookie: string | null, head: Partial<RequestHead> = {}) {
  const exchange = makeExchange(head);
  exchange.requestHeaders = cookie === null ? [] : ['cookie', cookie];
  session.open(exchange);
  return exchange;
}

/** What the client is told when `peer` answers a request with this Cookie field; null for nothing. */
function answer(session: CookieSession, cookie: string | null, peer: Peer, status = 200) {
  const exchange = open(session, cookie);
  exchange.peer = peer;
  exchange.status = status;
  session.settle(exchange);
  assert.ok(exchange.responseHeaders.length <= 2);
  return exchange.responseHeaders[1] ?? null;
}

/** The Cookie field that a client sends after it was told that. */
function pairOf(field: string | null): string {
  assert.ok(field !== null);
  return field.slice(0, field.indexOf(';'));
}

describe('CookieSession', () => {
  it('tells a new client where it belongs, and knows it again', () => {
    const { session } = createBench();
    for (const peer of peers) {
      const cookie = pairOf(answer(session, null, peer));
      const exchange = open(session, cookie);
      assert.equal(exchange.sessionPeer, peer);
      assert.equal(answer(session, cookie, peer), null, 'it is told once');
    }
  });

  it('sets a cookie for the whole host that scripts and other sites do not get', () => {
    const { session } = createBench();
    assert.match(
      answer(session, null, a) ?? '',
      /^sluice=[\w-]{16}[0-9a-z]{21}; Path=\/; Max-Age=750; HttpOnly; SameSite=Lax$/,
    );
  });

  it('sets a cookie for TLS alone where the client speaks it', () => {
    const { session } = createBench();
    const told = (scheme: 'http' | 'https', headers: string[]) => {
      const exchange = makeExchange({ entry: { listener: 'x', scheme, port: 1 }, headers });
      exchange.peer = a;
      exchange.status = 200;
      session.settle(exchange);
      return exchange.responseHeaders[1] ?? '';
    };
    assert.match(told('https', []), /; Secure$/);
    assert.match(told('http', ['x-forwarded-proto', 'https']), /; Secure$/);
    assert.doesNotMatch(told('http', ['x-forwarded-proto', 'http']), /Secure/);
    assert.doesNotMatch(told('http', []), /Secure/);
  });

  it('names no address, and nothing that two upstreams or secrets have in common', () => {
    const values = new Set<string>();
    for (const key of [secret, 'another secret of his']) {
      const { session } = createBench({ secret: key });
      for (const peer of peers) {
        const value = pairOf(answer(session, null, peer));
        assert.ok(!Buffer.from(value, 'base64url').toString('latin1').includes('10.0.0'));
        values.add(value.slice('sluice='.length, 'sluice='.length + 16));
      }
    }
    assert.equal(values.size, 2 * peers.length);
  });

  it('hides its cookie from the peer, valid or not, and leaves the others', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, a));
    assert.deepEqual(open(session, cookie).requestHeaders, []);
    assert.deepEqual(open(session, 'sluice=forged').requestHeaders, []);
    assert.deepEqual(open(session, `x=1; ${cookie}; y=2`).requestHeaders, ['cookie', 'x=1; y=2']);
    assert.deepEqual(open(session, 'sluicer=1').requestHeaders, ['cookie', 'sluicer=1']);
  });

  it('finds the valid one of several cookies', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, b));
    assert.equal(open(session, `sluice=old; ${cookie}`).sessionPeer, b);
  });

  // A client may want to choose its peer, or to have the proxy look at made-up ones.
  it('takes no notice of cookies that were changed, cut or made up', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, a));
    const value = cookie.slice('sluice='.length);
    for (let at = 0; at < value.length; at++) {
      const changed = `${value.slice(0, at)}${value[at] === 'x' ? 'y' : 'x'}${value.slice(at + 1)}`;
      assert.equal(open(session, `sluice=${changed}`).sessionPeer, null, changed);
      assert.equal(open(session, `sluice=${value.slice(0, at)}`).sessionPeer, null);
    }
    assert.equal(open(session, `sluice=${value}0`).sessionPeer, null);
    assert.equal(open(session, `sluice="${value}"`).sessionPeer, null);
    const random = createSeededRandom(5);
    for (let round = 0; round < 1000; round++) {
      const noise = Buffer.from(random.bytes(random.below(60))).toString('latin1');
      assert.equal(open(session, `sluice=${noise}`).sessionPeer, null);
    }
  });

  it('takes no cookie that another secret signed', () => {
    const cookie = pairOf(answer(createBench({ secret: 'another secret' }).session, null, a));
    const { session } = createBench();
    assert.equal(open(session, cookie).sessionPeer, null);
    assert.match(answer(session, cookie, b) ?? '', /^sluice=/);
  });

  it('moves the client when another peer answers, and tells it so', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, a));
    const moved = pairOf(answer(session, cookie, b));
    assert.equal(open(session, moved).sessionPeer, b);
  });

  it('does not move the client to a peer that fails it', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, a));
    for (const status of [502, 503, 504]) {
      assert.equal(answer(session, cookie, b, status), null);
      assert.equal(answer(session, null, b, status), null);
    }
    assert.notEqual(answer(session, cookie, b, 500), null, 'an application may fail by itself');
  });

  it('forgets a client whose peer is no more', () => {
    const { session } = createBench();
    const cookie = pairOf(answer(session, null, c));
    const { session: later } = createBench({ peers: [a, b] });
    assert.equal(open(later, cookie).sessionPeer, null);
    const unknown = open(later, null);
    unknown.peer = c;
    unknown.status = 200;
    later.settle(unknown);
    assert.deepEqual(unknown.responseHeaders, [], 'its last exchange is still running');
  });

  it('keeps a session that is used, tells it anew now and then, and lets it go when unused', () => {
    const { bench, session } = createBench();
    let cookie = pairOf(answer(session, null, a));
    let tellings = 0;
    for (let minute = 0; minute < 60; minute++) {
      bench.wallMs += 60_000;
      assert.equal(open(session, cookie).sessionPeer, a, `minute ${minute}`);
      const told = answer(session, cookie, a);
      if (told === null) continue;
      tellings += 1;
      cookie = pairOf(told);
    }
    assert.equal(tellings, 20, 'as soon as it is older than a quarter of ten minutes');
    bench.wallMs += 12 * 60_000;
    assert.equal(open(session, cookie).sessionPeer, a);
    bench.wallMs += 60_000;
    assert.equal(open(session, cookie).sessionPeer, null);
  });

  it('goes on with a cookie of the future, from before the clock was put back, and sets it right', () => {
    const { bench, session } = createBench();
    const cookie = pairOf(answer(session, null, a));
    bench.wallMs -= 3_600_000;
    assert.equal(open(session, cookie).sessionPeer, a);
    const right = pairOf(answer(session, cookie, a));
    assert.equal(answer(session, right, a), null);
  });
});
