// The chunked decoder: any body in any chunks in any pieces comes out as it went in.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  CHUNKED_DONE,
  CHUNKED_MALFORMED,
  CHUNKED_MORE,
  ChunkedBody,
  type ChunkedResult,
} from '../../../../../src/worker/upstream/http1/chunked-body.ts';

interface Decoded {
  readonly data: string;
  readonly result: ChunkedResult;
  /** Octets of the input that belong to the body. */
  readonly used: number;
}

/** Decodes `encoded` in pieces that end at `cuts`. */
function decode(encoded: string, cuts: readonly number[], decoder = new ChunkedBody()): Decoded {
  const ends = [...new Set([...cuts.map((cut) => cut % (encoded.length + 1)), encoded.length])];
  ends.sort((a, b) => a - b);
  decoder.reset();
  let data = '';
  let from = 0;
  for (const to of ends) {
    // As in life: one buffer, the piece somewhere in it, rubbish around.
    const bytes = Buffer.from(`##${encoded.slice(from, to)}##`, 'latin1');
    const result = decoder.decode(bytes, 2, bytes.length - 2);
    data += bytes.toString('latin1', decoder.dataStart, decoder.dataEnd);
    if (result !== CHUNKED_MORE) return { data, result, used: from + decoder.end - 2 };
    from = to;
  }
  return { data, result: CHUNKED_MORE, used: encoded.length };
}

const octets = fc.string({
  unit: fc.constantFrom(...'ab\r\n0;:\u00ff'),
  minLength: 1,
  maxLength: 40,
});
const extension = fc.constantFrom('', '', ';a', ';a=b', ';a="b;c"', ';\u00ff\t ');
const trailers = fc.constantFrom('', '', 'X-Sum: 1\r\n', 'A:\r\nB: \u00ff \r\n');
const message = fc
  .tuple(fc.array(fc.tuple(octets, extension)), extension, trailers, fc.constantFrom('', '0', '00'))
  .map(([chunks, last, tail, zeros]) => ({
    data: chunks.map(([data]) => data).join(''),
    encoded: `${chunks
      .map(([data, ext]) => `${zeros}${data.length.toString(16)}${ext}\r\n${data}\r\n`)
      .join('')}${zeros}0${last}\r\n${tail}\r\n`,
  }));

describe('chunked body', () => {
  it('decodes any chunks however they are cut, and finds their end', () => {
    fc.assert(
      fc.property(message, fc.array(fc.nat(), { maxLength: 20 }), octets, (one, cuts, rest) => {
        assert.deepEqual(decode(one.encoded + rest, cuts), {
          data: one.data,
          result: CHUNKED_DONE,
          used: one.encoded.length,
        });
      }),
    );
  });

  it('waits at every cut before the end', () => {
    fc.assert(
      fc.property(message, fc.nat(), ({ data, encoded }, cut) => {
        const begin = encoded.slice(0, cut % encoded.length);
        const decoded = decode(begin, []);
        assert.equal(decoded.result, CHUNKED_MORE);
        assert.ok(data.startsWith(decoded.data));
      }),
    );
  });

  it('judges damaged input the same in one piece and byte by byte, and never throws', () => {
    const damaged = fc
      .tuple(message, fc.nat(), fc.constantFrom(...'\r\n0g:; \0\u00ff'))
      .map(([{ encoded }, at, octet]) => {
        const place = at % encoded.length;
        return encoded.slice(0, place) + octet + encoded.slice(place + 1);
      });
    fc.assert(
      fc.property(damaged, (encoded) => {
        const everywhere = Array.from({ length: encoded.length }, (_, at) => at);
        assert.deepEqual(decode(encoded, everywhere), decode(encoded, []));
      }),
    );
  });

  it('begins anew after a body, malformed or not', () => {
    const decoder = new ChunkedBody();
    for (const bad of ['x', '5\r\nab', '2\r\nabX', '0\r\nX Y', '5;a']) {
      decode(bad, [], decoder);
      assert.equal(decode('2\r\nok\r\n0\r\n\r\n', [], decoder).data, 'ok');
    }
  });

  it('bounds extensions, but not for a stream that carries data', () => {
    const tiny = `1;${'x'.repeat(3000)}\r\na\r\n`;
    assert.equal(decode(tiny.repeat(100), []).result, CHUNKED_MALFORMED);
    const honest = `${(4000).toString(16)};${'x'.repeat(3000)}\r\n${'a'.repeat(4000)}\r\n`;
    assert.equal(decode(honest.repeat(100), []).result, CHUNKED_MORE);
  });
});
