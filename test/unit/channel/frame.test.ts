// Frames under honest and dishonest bytes.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { pack } from 'msgpackr';
import {
  encodeFrame,
  FrameDecoder,
  type FrameFault,
  frameHeaderBytes,
  protocolVersion,
} from '../../../src/channel/frame.ts';
import { limits } from '../../../src/core/limits.ts';

/** A frame around any payload, with a header that may lie. */
function frameOf(payload: Uint8Array, length = payload.length, version = protocolVersion): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32BE(length);
  header[4] = version;
  return Buffer.concat([header, payload]);
}

function decode(chunks: readonly Uint8Array[]): { values: unknown[]; fault: FrameFault | null } {
  const decoder = new FrameDecoder();
  const values: unknown[] = [];
  for (const chunk of chunks) {
    const fault = decoder.push(chunk, (value) => {
      values.push(value);
      return true;
    });
    if (fault !== null) return { values, fault };
  }
  return { values, fault: null };
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => bytes.subarray(at[index - 1] ?? 0, end));
}

const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.integer(),
    fc.nat(Number.MAX_SAFE_INTEGER),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.string({ unit: 'grapheme' }),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string({ minLength: 1, maxLength: 9 }).filter((key) => key !== '__proto__'),
      tie('value'),
      {
        maxKeys: 5,
        noNullPrototype: true,
      },
    ),
  ),
})).value;

describe('frames', () => {
  test('come out as they went in, whatever the split of the stream', () => {
    fc.assert(
      fc.property(
        fc.array(plainValue, { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat()),
        (values, cuts) => {
          const stream = Buffer.concat(values.map((value) => encodeFrame(value)!));
          const decoded = decode(split(stream, cuts));
          assert.equal(decoded.fault, null);
          // Negative zero is a plain zero on the way; nothing here is told by its sign.
          assert.deepEqual(decoded.values.map(positive), values.map(positive));
        },
      ),
    );
  });

  test('come out byte by byte', () => {
    const value = { kind: 'x', list: Array.from({ length: 300 }, (_, at) => at * 1000) };
    const stream = Buffer.concat([encodeFrame(value)!, encodeFrame('after')!]);
    const { values, fault } = decode([...stream].map((byte) => Uint8Array.of(byte)));
    assert.deepEqual({ values, fault }, { values: [value, 'after'], fault: null });
  });

  test('of random bytes end in values or a fault, never in a throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (chunks) => {
        decode(chunks);
      }),
      { numRuns: 2000 },
    );
  });

  test('with a random payload give a value or bad_payload, and the decoder for others is unharmed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (payload) => {
        const { values, fault } = decode([frameOf(payload)]);
        if (fault === null) assert.equal(values.length, 1);
        else assert.equal(fault, 'bad_payload');
        const good = { kind: 'scrape', id: 7 };
        assert.deepEqual(decode([encodeFrame(good)!]), { values: [good], fault: null });
      }),
      { numRuns: 3000 },
    );
  });

  test('that are damaged in one byte never throw', () => {
    const frame = encodeFrame({
      kind: 'counters',
      sequence: 9,
      inFlight: [1, 2, 300, 4],
      s: 'text',
    })!;
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(frame);
        damaged[at] = byte;
        decode([damaged]);
      }),
      { numRuns: 2000 },
    );
  });

  test('that announce nothing, or more than the limit, are refused at the header', () => {
    for (const length of [0, limits.frameBytes + 1, 0x7fffffff, 0xffffffff]) {
      const decoder = new FrameDecoder();
      assert.equal(
        decoder.push(frameOf(new Uint8Array(0), length), () => true),
        'bad_length',
      );
      assert.equal(decoder.heldBytes, 0, 'nothing was allocated for it');
    }
  });

  test('of another version are refused at the header', () => {
    assert.equal(decode([frameOf(pack(1), undefined, protocolVersion + 1)]).fault, 'bad_version');
  });

  test('that announce much and bring little hold little', () => {
    const decoder = new FrameDecoder();
    decoder.push(frameOf(new Uint8Array(10), limits.frameBytes), () => true);
    assert.ok(decoder.heldBytes <= 64 * 1024, `${decoder.heldBytes}`);
  });

  test('of the largest size pass, larger ones are not made', () => {
    const overhead =
      pack(new Uint8Array(limits.frameBytes - 100)).length - (limits.frameBytes - 100);
    const largest = new Uint8Array(limits.frameBytes - overhead);
    const frame = encodeFrame(largest)!;
    assert.equal(frame.length, frameHeaderBytes + limits.frameBytes);
    assert.equal((decode([frame]).values[0] as Uint8Array).length, largest.length);
    assert.equal(encodeFrame(new Uint8Array(largest.length + 1)), null);
  });

  test('nested 20,000 deep are a bad payload', () => {
    const payload = Buffer.alloc(20_000, 0x91);
    assert.equal(decode([frameOf(payload)]).fault, 'bad_payload');
    const closed = Buffer.concat([payload, pack(1)]);
    const { fault } = decode([frameOf(closed)]);
    assert.ok(fault === null || fault === 'bad_payload');
  });

  test('that lie about the length of what is inside are a bad payload', () => {
    const lies = [
      [0xdd, 0xff, 0xff, 0xff, 0xff],
      [0xdf, 0x7f, 0xff, 0xff, 0xff],
      [0xc6, 0xff, 0xff, 0xff, 0xff, 1],
      [0xdb, 0x00, 0x10, 0x00, 0x00, 0x61],
      [0x93, 1, 2],
      [1, 2],
    ];
    for (const lie of lies) {
      assert.equal(decode([frameOf(Uint8Array.from(lie))]).fault, 'bad_payload', `${lie}`);
    }
  });

  test('keep binary fields that the caller reuses the bytes of', () => {
    const frame = encodeFrame({ bytes: Uint8Array.of(1, 2, 3) })!;
    const { values } = decode([frame]);
    frame.fill(0);
    assert.deepEqual([...(values[0] as { bytes: Uint8Array }).bytes], [1, 2, 3]);
  });

  test('do not touch prototypes', () => {
    const payload = Buffer.concat([
      Uint8Array.of(0x81),
      pack('__proto__'),
      pack({ polluted: true }),
    ]);
    decode([frameOf(payload)]);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  test('after the caller said stop are dropped', () => {
    const decoder = new FrameDecoder();
    const seen: unknown[] = [];
    decoder.push(Buffer.concat([encodeFrame(1)!, encodeFrame(2)!]), (value) => {
      seen.push(value);
      return false;
    });
    assert.deepEqual(seen, [1]);
  });
});

function positive(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
