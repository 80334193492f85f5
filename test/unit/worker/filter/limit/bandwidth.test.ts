// Responses at a rate: how much goes when, what is held, and that nothing is lost, in time that is held.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../../../../src/core/errors.ts';
import type { Sink, Source } from '../../../../../src/core/sink.ts';
import { Bandwidth } from '../../../../../src/worker/filter/limit/bandwidth.ts';
import { Pacer } from '../../../../../src/worker/filter/limit/pacer.ts';
import { makeExchange } from '../../support/exchanges.ts';

const RATE = 1000;

/** A source of so many bytes that gives while it may, a client, and a clock between them. */
class World implements Source {
  readonly exchange = makeExchange();
  readonly sink: Sink;
  nowMs = 0;
  readonly pacer = new Pacer(() => this.nowMs);
  given = 0;
  gotAt: { ms: number; bytes: number }[] = [];
  got = Buffer.alloc(0);
  isClientFull = false;
  ends: string[] = [];
  #left: number;
  #isPaused = true;

  constructor(bytes: number, { afterBytes = 0, total = -1 } = {}) {
    this.#left = bytes;
    this.exchange.responseByteLength = total;
    const options = { bytesPerSecond: RATE, afterBytes, pacer: this.pacer };
    this.sink = new Bandwidth(options).attach(this.exchange, {
      start() {},
      write: (chunk) => {
        this.got = Buffer.concat([this.got, chunk]);
        this.gotAt.push({ ms: this.nowMs, bytes: this.got.byteLength });
        return !this.isClientFull;
      },
      end: () => this.ends.push('end'),
      fail: () => this.ends.push('fail'),
    });
    this.sink.start(this);
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    while (!this.#isPaused && this.#left > 0) {
      // A Buffer, whose `slice` copies nothing.
      const chunk = Buffer.alloc(Math.min(this.#left, 400));
      for (let at = 0; at < chunk.length; at++) chunk[at] = (this.given + at) % 251;
      this.#left -= chunk.length;
      this.given += chunk.length;
      if (!this.sink.write(chunk)) this.#isPaused = true;
      chunk.fill(255);
    }
    if (this.#left > 0 || this.#isPaused) return;
    this.#isPaused = true;
    this.sink.end();
  }

  cancel(): void {
    this.ends.push('cancel');
  }

  run(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += 50;
      this.pacer.tick();
    }
  }
}

describe('bandwidth', () => {
  it('gives a second at once, then goes by the rate', () => {
    const world = new World(5000);
    assert.equal(world.got.byteLength, RATE);
    world.run(1000);
    assert.equal(world.got.byteLength, 2 * RATE);
    world.run(2950);
    assert.deepEqual(world.ends, []);
    world.run(100);
    assert.deepEqual(world.ends, ['end']);
    assert.ok(world.got.every((byte, at) => byte === at % 251));
  });

  it('gives what comes first at full speed', () => {
    const world = new World(6000, { afterBytes: 4000 });
    assert.equal(world.got.byteLength, 5000);
    world.run(1100);
    assert.deepEqual(world.ends, ['end']);
  });

  it('stays out where it would slow nothing', () => {
    const next: Sink = { start() {}, write: () => true, end() {}, fail() {} };
    const options = { bytesPerSecond: RATE, afterBytes: 0, pacer: new Pacer(() => 0) };
    const exchange = makeExchange();
    exchange.responseByteLength = RATE;
    assert.equal(new Bandwidth(options).attach(exchange, next), next);
    const head = makeExchange({ method: 'HEAD' });
    head.responseByteLength = 10 * RATE;
    assert.equal(new Bandwidth(options).attach(head, next), next);
  });

  it('holds no more than a source gives before it stops', () => {
    const world = new World(1_000_000);
    for (let at = 0; at < 100; at++) {
      world.run(50);
      assert.ok(world.given - world.got.byteLength <= 400);
    }
    world.sink.fail(new ProxyError('body_broken'));
    assert.deepEqual(world.ends, ['fail']);
    world.run(1000);
    assert.deepEqual(world.ends, ['fail']);
  });

  it('waits for a client that is slower still', () => {
    const world = new World(3000);
    world.isClientFull = true;
    world.run(50);
    const before = world.got.byteLength;
    world.run(5000);
    assert.equal(world.got.byteLength, before);
    world.isClientFull = false;
    world.exchange.running!.resume();
    world.run(3000);
    assert.deepEqual(world.ends, ['end']);
    assert.equal(world.got.byteLength, 3000);
  });

  it('forgets what it holds when the client leaves, also after the source has ended', () => {
    const early = new World(5000);
    early.exchange.running!.cancel(new ProxyError('client_closed'));
    assert.deepEqual(early.ends, ['cancel']);
    const late = new World(1200);
    assert.equal(late.got.byteLength, RATE);
    late.exchange.running!.cancel(new ProxyError('client_closed'));
    late.run(1000);
    assert.equal(late.got.byteLength, RATE);
    assert.equal(late.exchange.running, null);
  });

  it('never goes over the rate, and never stands still, whatever the client does', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.boolean()), {
      maxLength: 30,
    });
    const property = fc.property(fc.integer({ min: 0, max: 8000 }), steps, (bytes, moves) => {
      const world = new World(bytes);
      for (const [ticks, isFull] of moves) {
        world.isClientFull = isFull;
        world.run(ticks * 50);
        if (!isFull) world.exchange.running?.resume();
      }
      world.isClientFull = false;
      for (let at = 0; at < 4; at++) {
        world.exchange.running?.resume();
        world.run(bytes + 1000);
      }
      for (const { ms, bytes: sum } of world.gotAt) assert.ok(sum <= RATE + (ms * RATE) / 1000 + 1);
      assert.deepEqual(world.ends, ['end']);
      assert.equal(world.got.byteLength, bytes);
    });
    fc.assert(property, { numRuns: 100 });
  });
});
