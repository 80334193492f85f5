// What is put on the wire as response head, and how the body is framed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseFraming, declaredLength } from '../../../../src/worker/listener/uws/framing.ts';
import { headBytes } from '../../../../src/worker/listener/uws/response-head.ts';
import { makeExchange } from '../support/exchanges.ts';

describe('headBytes', () => {
  it('is text as long as all of it is ASCII', () => {
    const head = headBytes(200, ['a', 'b', 'c', 'd\te'], '\r\nx: y');
    assert.equal(head, '200 OK\r\na: b\r\nc: d\te\r\nx: y');
  });

  it('is bytes when it is not', () => {
    const head = headBytes(599, ['a', '\xff'], '\r\nx: y');
    assert.deepEqual(head, Buffer.from('599 \r\na: \xff\r\nx: y', 'latin1'));
  });

  it('leaves out every field that could start a line or has no name', () => {
    const split = [
      'a\r\nb',
      '1',
      'c',
      '1\r\nd: 2',
      'e',
      '\n',
      'f',
      '\r',
      'g',
      '\0',
      '',
      '1',
      'u',
      '1\u010aset-cookie: 1',
      'h:',
      '1',
      'i',
      '\xe9',
    ];
    assert.equal(headBytes(200, split, '').toString('latin1'), '200 OK\r\ni: \xe9');
  });
});

describe('chooseFraming', () => {
  const cases: [method: string, status: number, length: number, first: number, framing: string][] =
    [
      ['HEAD', 200, 5, 0, 'none'],
      ['GET', 204, -1, 0, 'none'],
      ['GET', 304, 5, 0, 'none'],
      ['GET', 200, 0, 0, 'whole'],
      ['GET', 200, -1, 0, 'whole'],
      ['GET', 200, 5, 5, 'whole'],
      ['GET', 200, 6145, 6145, 'sized'],
      ['GET', 200, 10, 5, 'sized'],
      ['GET', 200, -1, 5, 'chunked'],
    ];
  for (const [method, status, length, first, framing] of cases) {
    it(`is ${framing} for ${method} ${status} with ${length} bytes, the first ${first} here`, () => {
      const exchange = makeExchange({ method });
      exchange.status = status;
      exchange.responseByteLength = length;
      assert.equal(chooseFraming(exchange, first, false), framing);
      // Where nothing may follow, the engine must not be told that a long answer is over.
      const last = framing === 'sized' ? 'chunked' : framing;
      assert.equal(chooseFraming(exchange, first, true), last);
    });
  }

  it('writes the length by hand only where there is no body', () => {
    const exchange = makeExchange({ method: 'HEAD' });
    exchange.status = 200;
    exchange.responseByteLength = 7;
    assert.equal(declaredLength(exchange), '\r\ncontent-length: 7');
    exchange.status = 204;
    assert.equal(declaredLength(exchange), '');
    assert.equal(declaredLength(makeExchange()), '');
  });
});
