// What is read of forms in several parts, also by those who write them so that proxies and applications read
// them in different ways.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { multipartTexts } from '../../../../../src/worker/filter/guard/multipart.ts';

const TYPE = 'multipart/form-data; boundary=b';

function part(disposition: string, value: string): string {
  return `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;
}

describe('the texts of a form in parts', () => {
  it('are names and values of fields and names of files, not what is in files', () => {
    const body =
      part('name="a"', 'one\r\ntwo') +
      part('name=b; filename="c \\"d\\".txt"', 'secret') +
      part('name="e"; filename*=UTF-8\'\'f%20g', 'secret');
    assert.deepEqual(multipartTexts(TYPE, `${body}--b--\r\n`), [
      ...['a', 'one\r\ntwo'],
      ...['b', 'c "d".txt'],
      ...['e', 'f%20g'],
    ]);
  });

  it('are read as far as they have come', () => {
    const body = part('name="a"', 'value');
    for (let length = 0; length <= body.length; length++) {
      const texts = multipartTexts(TYPE, body.slice(0, length));
      assert.ok(texts.join().length <= body.length);
    }
    assert.deepEqual(multipartTexts(TYPE, body.slice(0, -4)), ['a', 'val']);
  });

  // A lenient server finds fields where a strict proxy sees none: then all of it is looked at.
  const odd: readonly (readonly [string, string, string])[] = [
    ['no boundary', 'multipart/form-data', part('name="a"', 'X')],
    ['another boundary', 'multipart/form-data; boundary=c', part('name="a"', 'X')],
    ['two boundaries', 'multipart/form-data; boundary=b; boundary=c', part('name="a"', 'X')],
    ['text in front', TYPE, `X\r\n${part('name="a"', '')}`],
    ['no disposition', TYPE, '--b\r\ncontent-type: text/plain\r\n\r\nX\r\n--b--'],
    ['line feeds alone', TYPE, '--b\ncontent-disposition: form-data; name=a\n\nX\n--b--'],
    ['a folded line', TYPE, '--b\r\ncontent-disposition: form-data;\r\n name="X"\r\n\r\n\r\n--b--'],
    ['a quoted boundary', 'multipart/form-data; boundary="b"', part('name="a"', 'X')],
    ['capitals', 'Multipart/Form-Data; Boundary=b', part('NAME="a"', 'X')],
    ['an open quote', TYPE, '--b\r\ncontent-disposition: form-data; name="X\r\n\r\n\r\n'],
  ];
  for (const [name, type, body] of odd) {
    it(`are all there with ${name}`, () => {
      assert.ok(multipartTexts(type, body).some((text) => text.includes('X')));
    });
  }

  it('never throw, and are found in time that grows with the body, whatever it is', () => {
    const piece = fc.constantFrom(
      ...['--b', '\r\n', '\n', 'content-disposition:', 'form-data;', ' name=', '"', '\\', ';', 'x'],
    );
    const body = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    const property = fc.property(body, (text) => {
      for (const found of multipartTexts(TYPE, text)) assert.equal(typeof found, 'string');
    });
    fc.assert(property, { numRuns: 2000 });
    // Each would take hours where an expression goes back over what it has read.
    for (const hostile of ['\n', ' ', '"', '\\"', 'a=', "name=''", '--b', 'content-disposition:']) {
      multipartTexts(TYPE, `--b\r\ncontent-disposition:${hostile.repeat(60_000)}`);
      multipartTexts(`${TYPE}${hostile.repeat(30_000)}`, 'x');
    }
  });
});
