// The body of a fetch in random plays, alone: readers who are full, go on in the middle of a write, leave, or
// wake others by it; a source that overruns, and goes on at once. All get all of it in order, and nobody
// waits for ever.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';
import { systemTimers } from '../../../../src/std/timers.ts';
import { Audience } from '../../../../src/worker/cache/audience.ts';
import { type BodyOwner, FetchedBody } from '../../../../src/worker/cache/fetched-body.ts';
import { HeldBudget, HeldBytes } from '../../../../src/worker/cache/held-bytes.ts';
import { type AwaitedFetch, NO_WISHES, Waiter } from '../../../../src/worker/cache/waiter.ts';
import { makeExchange } from '../support/exchanges.ts';

const HELD_BYTES_MAX = 12;
/** What a reader does when it is given something. */
type Act = 'take' | 'fill' | 'blink' | 'leave' | 'wake';
type Step =
  | { readonly kind: 'join'; readonly acts: readonly Act[] }
  | { readonly kind: 'write' | 'read' | 'leave'; readonly which: number };

/** Gets what is written; once its acts are over, it takes everything. */
class Reader implements Sink {
  readonly #acts: Act[];
  readonly #play: BodyPlay;
  readonly waiter: Waiter;
  text = '';
  isFull = false;
  state: 'waiting' | 'reading' | 'ended' | 'failed' | 'gone' = 'waiting';

  constructor(play: BodyPlay, acts: readonly Act[]) {
    this.#play = play;
    this.#acts = acts.slice();
    this.waiter = new Waiter(makeExchange({}, this), NO_WISHES, 'uri-miss', play);
  }
  start(): void {
    this.state = 'reading';
  }
  write(chunk: Uint8Array): boolean {
    assert.equal(this.state, 'reading');
    assert.ok(chunk.byteLength > 0);
    this.text += Buffer.from(chunk).toString();
    const act = this.#acts.shift() ?? 'take';
    if (act === 'leave') this.leave();
    else if (act === 'wake') for (const other of this.#play.readers) other.read();
    else if (act === 'blink') {
      this.waiter.pause();
      this.waiter.resume();
    } else if (act === 'fill') this.isFull = true;
    return act !== 'fill' && act !== 'leave';
  }
  end(): void {
    assert.equal(this.state, 'reading');
    this.state = 'ended';
  }
  fail(): void {
    assert.equal(this.state, 'reading');
    this.state = 'failed';
    for (const other of this.#play.readers) other.read();
  }
  read(): void {
    if (!this.isFull || this.state !== 'reading') return;
    this.isFull = false;
    this.waiter.resume();
  }
  leave(): void {
    if (this.state !== 'reading') return;
    this.state = 'gone';
    this.waiter.cancel(new ProxyError('client_closed'));
  }
}

class BodyPlay implements BodyOwner, AwaitedFetch, Source {
  readonly readers: Reader[] = [];
  readonly budget = new HeldBudget(1000);
  readonly #audience = new Audience(makeExchange());
  readonly body = new FetchedBody(this, this.#audience, systemTimers);
  readonly #length: number;
  readonly #isEager: boolean;
  #sent = '';
  #isPaused = false;
  #isWriting = false;
  #hasOutgrown = false;
  isOver = false;

  constructor(length: number, isEager: boolean) {
    this.#length = length;
    this.#isEager = isEager;
    this.body.hold(HeldBytes.open(this.budget, -1, HELD_BYTES_MAX)!, this);
  }

  get text(): string {
    return this.#sent;
  }
  get hasEnded(): boolean {
    return this.#sent.length === this.#length;
  }

  join(acts: readonly Act[]): void {
    if (this.#hasOutgrown || this.isOver || this.readers.length === 4) return;
    const reader = new Reader(this, acts);
    this.readers.push(reader);
    this.#audience.add(reader.waiter);
    reader.waiter.begin(reader);
  }

  /** One piece; one more when it is told to stop then, if it overruns. */
  write(bytes: number): void {
    if (!this.#isPaused && !this.#isWriting && !this.#send(bytes) && this.#isEager) {
      this.#send(bytes);
    }
  }

  pause(): void {}
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#isEager) this.write(3);
  }
  cancel(): void {
    this.isOver = true;
  }

  allHeld(): void {
    this.body.store(this.body.take());
    this.#close();
    for (const waiter of this.#audience.all) waiter.pump();
  }
  outgrown(bytes: number): void {
    assert.ok(bytes > HELD_BYTES_MAX);
    this.#hasOutgrown = true;
    if (this.#audience.isEmpty) this.#close();
  }
  allGiven(): void {
    assert.ok(this.hasEnded);
    this.#close();
    this.#audience.finish(null);
  }
  leave(waiter: Waiter): void {
    this.#audience.remove(waiter);
    if (!this.#audience.isEmpty) this.body.caughtUp();
    else if (this.#hasOutgrown) this.#close();
  }
  breakOff(): void {
    if (this.isOver) return;
    this.#close();
    this.#audience.finish(new ProxyError('body_broken'));
  }

  #send(bytes: number): boolean {
    if (this.isOver || this.hasEnded) return true;
    const from = this.#sent.length;
    for (let at = from; at < Math.min(this.#length, from + bytes); at++) {
      this.#sent += String.fromCharCode(97 + (at % 26));
    }
    this.#isWriting = true;
    const wantsMore = this.body.write(Buffer.from(this.#sent.slice(from)));
    this.#isWriting = false;
    if (!wantsMore) this.#isPaused = true;
    if (this.hasEnded && !this.isOver) this.body.end();
    return wantsMore;
  }

  #close(): void {
    this.isOver = true;
    this.body.close();
  }
}

const acts = fc.array(fc.constantFrom<Act>('take', 'take', 'fill', 'blink', 'leave', 'wake'), {
  maxLength: 8,
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), acts }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('write' as const, 'write' as const, 'read' as const, 'leave' as const),
      which: fc.nat({ max: 5 }),
    }),
  },
);
const plays = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  isEager: fc.boolean(),
  breaksOff: fc.constantFrom(false, false, true),
  steps: fc.array(steps, { maxLength: 30, size: 'max' }),
});

describe('the body of a fetch in random plays', () => {
  it('reaches everybody, whole and in order', () => {
    const property = fc.property(plays, ({ length, isEager, breaksOff, steps: all }) => {
      const play = new BodyPlay(length, isEager);
      play.join([]);
      for (const step of all) {
        if (step.kind === 'join') play.join(step.acts);
        else if (step.kind === 'write') play.write(step.which + 1);
        else if (step.kind === 'read') play.readers[step.which]?.read();
        else play.readers[step.which]?.leave();
      }
      if (breaksOff) play.breakOff();
      for (let round = 0; round < 60; round++) {
        play.write(3);
        for (const reader of play.readers) reader.read();
      }
      for (const { state, text } of play.readers) {
        assert.ok(play.text.startsWith(text), `${text} of ${play.text}`);
        if (state === 'ended') assert.equal(text, play.text);
        else assert.ok(state === 'gone' || (state === 'failed' && breaksOff), state);
      }
      assert.equal(play.budget.bytes, 0);
    });
    const fresh = Number(process.env.SLUICE_TEE_PLAYS ?? 0);
    fc.assert(
      property,
      fresh > 0
        ? { numRuns: fresh, includeErrorInReport: true }
        : { numRuns: 500, seed: 1, includeErrorInReport: true },
    );
  });
});
