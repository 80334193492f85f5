// The head reader: what it takes, what it remembers, and that splits and earlier heads change nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  HEAD_COMPLETE,
  HEAD_MALFORMED,
  HEAD_PARTIAL,
  ResponseHead,
} from '../../../../../src/worker/upstream/http1/response-head.ts';
import { responseCases } from '../../../../e2e/corpus/responses.ts';

function summary(reader: ResponseHead, text: string, start = 0) {
  const bytes = Buffer.from(text, 'latin1');
  const result = reader.read(bytes, start, bytes.length);
  if (result !== HEAD_COMPLETE) return { result };
  const { status, headers, byteLength, date, isChunked, isPersistent, keepAliveMs, end } = reader;
  return { result, status, headers, byteLength, date, isChunked, isPersistent, keepAliveMs, end };
}

const token = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-_!~'),
  minLength: 1,
  maxLength: 12,
});
const value = fc
  .string({ unit: fc.constantFrom(...'abc XYZ,;="\t\u00e9\u00ff'), maxLength: 30 })
  .map((text) => text.trim());
const name = fc.oneof(
  token,
  fc.constantFrom('Server', 'ETag', 'date', 'Set-Cookie', 'X-Long-Name-Of-Ours', 'Content-Type'),
);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 });
const framing = fc.constantFrom(
  '',
  'Content-Length: 0\r\n',
  'Content-Length: 1234\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\nKeep-Alive: timeout=5, max=9\r\n',
  'Connection: x-long-name-of-ours\r\n',
);
const head = fc
  .tuple(fc.constantFrom('1.0', '1.1'), fc.integer({ min: 100, max: 599 }), fields, framing)
  .map(([version, status, list, frame]) => {
    const lines = list.map(([field, text]) => `${field}: ${text}\r\n`).join('');
    return `HTTP/${version} ${status} Some reason\r\n${lines}${frame}\r\n`;
  });
const malformed = fc.constantFrom(
  ...responseCases.filter(({ outcome }) => outcome === '502').map(({ bytes }) => bytes),
);

describe('response head', () => {
  it('reads status, end-to-end fields and framing', () => {
    const text =
      'HTTP/1.1 206 Partial\r\nServer:x\r\nDate: now\r\nCONTENT-LENGTH: 12\r\nX-Odd:\t a b \t\r\n\r\nbody';
    assert.deepEqual(summary(new ResponseHead(), text), {
      result: HEAD_COMPLETE,
      status: 206,
      headers: ['server', 'x', 'x-odd', 'a b'],
      byteLength: 12,
      date: 'now',
      isChunked: false,
      isPersistent: true,
      keepAliveMs: -1,
      end: text.length - 4,
    });
  });

  it('knows when the connection lives on', () => {
    const cases: [string, string, boolean][] = [
      ['1.1', '', true],
      ['1.0', '', false],
      ['1.1', 'close', false],
      ['1.1', 'Close', false],
      ['1.1', 'foo, CLOSE', false],
      ['1.0', 'keep-alive', true],
      ['1.0', 'Keep-Alive', true],
      ['1.0', 'foo, keep-ALIVE', true],
      ['1.0', 'keep-alive, close', false],
    ];
    for (const [version, connection, expected] of cases) {
      const reader = new ResponseHead();
      const line = connection === '' ? '' : `Connection: ${connection}\r\n`;
      summary(reader, `HTTP/${version} 200 OK\r\n${line}\r\n`);
      assert.equal(reader.isPersistent, expected, `${version} ${connection}`);
    }
  });

  it('gives every exchange a list of its own', () => {
    const reader = new ResponseHead();
    const text = 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n';
    summary(reader, text);
    const first = reader.headers;
    first.length = 0;
    summary(reader, text);
    assert.deepEqual(reader.headers, ['x-a', 'b']);
  });

  it('takes the last of several dates, whichever of them is new', () => {
    const reader = new ResponseHead();
    for (const [first, last] of ['ab', 'cb', 'cd', 'cd'].map(([...dates]) => dates)) {
      summary(reader, `HTTP/1.1 200 OK\r\nX-A: x\r\nDate: ${first}\r\nDate: ${last}\r\n\r\n`);
      assert.equal(reader.date, last);
    }
  });

  it('is partial at every cut of a well-formed head', () => {
    fc.assert(
      fc.property(head, (text) => {
        const reader = new ResponseHead();
        for (let cut = 0; cut < text.length; cut++) {
          assert.equal(
            summary(reader, text.slice(0, cut)).result,
            HEAD_PARTIAL,
            text.slice(0, cut),
          );
        }
        assert.notEqual(summary(reader, text).result, HEAD_PARTIAL);
      }),
      { numRuns: 200 },
    );
  });

  it('reads a head the same whatever it has read before, malformed or cut ones included', () => {
    const before = fc.oneof(
      { weight: 4, arbitrary: head },
      { weight: 1, arbitrary: malformed },
      { weight: 1, arbitrary: head.map((text) => text.slice(0, -3)) },
    );
    // Few kinds of heads, often repeated with small changes: what a peer sends.
    const story = fc
      .tuple(
        fc.array(before, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 60 }),
      )
      .map(([kinds, picks]) => picks.map((pick) => kinds[pick % kinds.length]!));
    fc.assert(
      fc.property(story, fc.nat({ max: 9 }), (heads, digit) => {
        const reader = new ResponseHead();
        for (const text of heads) {
          for (const variant of [text, text.replaceAll('1', String(digit)), `${text}rest`]) {
            assert.deepEqual(summary(reader, variant), summary(new ResponseHead(), variant));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('reads what has stayed the same for long as it reads it first, and then its changes', () => {
    const reader = new ResponseHead();
    for (let at = 0; at < 1000; at++) {
      const seldom = Math.floor(at / 150);
      const text =
        `HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Own-${seldom % 2}: ${'long '.repeat(200)}\r\n` +
        `Cache-Control: max-age=${seldom}\r\nX-Request-Id: ${at}\r\nContent-Length: ${at % 7}\r\n\r\n`;
      assert.deepEqual(summary(reader, text), summary(new ResponseHead(), text));
    }
  });

  it('reads the same at any offset of the buffer', () => {
    const text = 'HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc';
    const reader = new ResponseHead();
    const expected = summary(new ResponseHead(), text);
    for (const start of [0, 7, 1, 100]) {
      const found = summary(reader, ' '.repeat(start) + text, start);
      assert.deepEqual(found, { ...expected, end: start + text.length - 3 });
    }
  });

  it('never reads beyond the end it was given', () => {
    const reader = new ResponseHead();
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n', 'latin1');
    assert.equal(reader.read(bytes, 0, bytes.length), HEAD_COMPLETE);
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(reader.read(bytes, 0, end), HEAD_PARTIAL);
    }
  });

  it('takes long and many lines, though it does not remember them', () => {
    const lines = Array.from({ length: 200 }, (_, at) => `X-${at}: ${'v'.repeat(at * 4)}\r\n`);
    const reader = new ResponseHead();
    const text = `HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`;
    for (let round = 0; round < 3; round++) {
      const { headers } = summary(reader, text) as { headers: string[] };
      assert.equal(headers.length, 400);
      assert.equal(headers[399]!.length, 199 * 4);
    }
  });

  it('never accepts arbitrary octets by accident, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        const bytes = Buffer.concat([Buffer.from('HTTP/1.1 200'), octets, Buffer.from('\r\n\r\n')]);
        const reader = new ResponseHead();
        const result = reader.read(bytes, 0, bytes.length);
        if (result !== HEAD_COMPLETE) return;
        for (const text of reader.headers) assert.match(text, /^[\t\x20-\x7e\x80-\xff]*$/);
      }),
    );
    assert.equal(new ResponseHead().read(Buffer.from('x'), 0, 1), HEAD_MALFORMED);
  });
});
