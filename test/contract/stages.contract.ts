// What every stage keeps: it never throws whatever the bytes, comes to the same outcome whatever the chunks,
// hands on failure, cancellation and pressure, and leaves a head that fits the body.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../src/core/errors.ts';
import type { Exchange } from '../../src/core/exchange.ts';
import type { ResponseStage } from '../../src/core/filter.ts';
import { headerValue } from '../../src/core/headers.ts';
import type { Sink, Source } from '../../src/core/sink.ts';
import { until } from '../support/deadline.ts';
import { makeExchange } from '../unit/worker/support/exchanges.ts';

/** A stage and the response that it is tried on. */
export interface StageRow {
  readonly name: string;
  readonly create: () => ResponseStage;
  readonly requestHeaders?: readonly string[];
  readonly status?: number;
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  /** What the client must get; its decoded form when `decode` is given. */
  readonly expected: string;
  readonly decode?: (body: Buffer) => Buffer;
  /** The body is not looked at before its end, so pressure does not come from here. */
  readonly answersAtEnd?: boolean;
}

/** A client that takes as much as it likes, and a source that notes what it is told. */
class Bench implements Sink, Source {
  readonly chunks: Buffer[] = [];
  readonly calls: string[] = [];
  state: 'open' | 'ended' | 'failed' = 'open';
  isFull = false;
  above: Source | null = null;

  start(source: Source): void {
    this.above = source;
  }
  write(chunk: Uint8Array): boolean {
    this.chunks.push(Buffer.from(chunk));
    return !this.isFull;
  }
  end(): void {
    assert.equal(this.state, 'open', 'ended twice');
    this.state = 'ended';
  }
  fail(): void {
    assert.equal(this.state, 'open', 'failed after its end');
    this.state = 'failed';
  }

  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
  cancel(): void {
    this.calls.push('cancel');
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Registers the tests of one stage. */
export function stageContract(row: StageRow): void {
  describe(`stage ${row.name}`, () => {
    it('comes to the same outcome whatever the chunks', async () => {
      for (const size of [row.body.byteLength || 1, 1, 2, 3, 7, 64]) {
        const { bench, exchange, sink } = attached(row);
        give(sink, row.body, size);
        await until(() => bench.state === 'ended', { what: `the end, in chunks of ${size}` });
        const body = row.decode === undefined ? bench.body : row.decode(bench.body);
        assert.equal(body.toString('latin1'), row.expected, `in chunks of ${size}`);
        assertConsistent(exchange, bench.body);
      }
    });

    it('never throws, whatever the bytes', async () => {
      const property = fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
        async (chunks) => {
          const { bench, sink } = attached(row);
          for (const chunk of chunks) sink.write(chunk);
          sink.end();
          await until(() => bench.state !== 'open', { what: 'an end' });
        },
      );
      await fc.assert(property, { numRuns: 50 });
    });

    it('hands on a failure', async () => {
      const { bench, sink } = attached(row);
      sink.write(row.body.subarray(0, 5));
      sink.fail(new ProxyError('body_broken'));
      await until(() => bench.state !== 'open', { what: 'an end' });
      // A page in place of an error stands on its own.
      if (row.answersAtEnd !== true) assert.equal(bench.state, 'failed');
    });

    it('hands on a cancellation, and gives nothing more', () => {
      const { bench, sink } = attached(row);
      sink.write(row.body.subarray(0, 5));
      bench.above!.cancel(new ProxyError('client_closed'));
      assert.deepEqual(bench.calls, ['cancel']);
    });

    it('hands on pressure in both directions', async () => {
      if (row.answersAtEnd === true) return;
      const { bench, sink } = attached(row);
      bench.isFull = true;
      let isPaused = false;
      await until(
        () => {
          // Several at once: what is held back must be outweighed.
          for (let turn = 0; turn < 200; turn++) isPaused ||= !sink.write(row.body);
          return isPaused || bench.calls.includes('pause');
        },
        { what: 'a full client' },
      );
      bench.isFull = false;
      bench.above!.resume();
      await until(() => bench.calls.includes('resume') || sink.write(row.body), {
        what: 'the source may go on',
      });
    });

    it('leaves a body alone that is none', () => {
      for (const status of [204, 304]) {
        const { bench, exchange, sink } = attached({ ...row, status, body: new Uint8Array(0) });
        sink.end();
        assert.equal(bench.body.byteLength, 0);
        assertConsistent(exchange, bench.body);
      }
    });
  });
}

function attached(row: StageRow) {
  const bench = new Bench();
  const exchange = makeExchange(
    { host: 'h', headers: ['host', 'h', ...(row.requestHeaders ?? [])] },
    bench,
  );
  exchange.status = row.status ?? 200;
  exchange.responseHeaders = [...row.headers];
  exchange.responseByteLength = row.body.byteLength;
  const sink = row.create().attach(exchange, bench);
  sink.start(bench);
  return { bench, exchange, sink };
}

function give(sink: Sink, body: Uint8Array, size: number): void {
  for (let at = 0; at < body.byteLength; at += size) {
    // As a real source's: gone after the call.
    const chunk = Uint8Array.from(body.subarray(at, at + size));
    sink.write(chunk);
    chunk.fill(0x58);
  }
  sink.end();
}

function assertConsistent(exchange: Exchange, body: Uint8Array): void {
  const { responseHeaders, responseByteLength } = exchange;
  assert.equal(responseHeaders.length % 2, 0);
  for (let at = 0; at < responseHeaders.length; at += 2) {
    assert.equal(responseHeaders[at], responseHeaders[at]!.toLowerCase());
    assert.ok(!/[\r\n\0]/.test(responseHeaders[at + 1]!));
  }
  for (const own of ['content-length', 'transfer-encoding', 'connection']) {
    assert.equal(headerValue(responseHeaders, own), undefined);
  }
  if (responseByteLength !== -1) assert.equal(responseByteLength, body.byteLength);
}
