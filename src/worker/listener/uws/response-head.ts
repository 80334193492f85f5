// The head of a response as text for the engine, in one piece: status line and fields in a single call
// into C++. It gets what stands after `HTTP/1.1 ` and adds the CRLF after the last field by itself.

import type { HttpResponse } from 'uWebSockets.js';
import type { RawHeaders } from '../../../core/headers.ts';
import { statusLine } from './status-line.ts';

const UNUSUAL = /[^\t -~]/;
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const SPLITTING = /[\r\n\0]/;

/**
 * A corked write that does not fit into the engine's 16 KiB may be dropped when the socket is full, so a
 * longer head goes in several corks (FACTS, finding 2).
 */
export const CORKED_HEAD_BYTES = 8 * 1024;

/**
 * Returns status line and fields, ready for `writeStatus`. The engine checks nothing: a field that would
 * split the response is left out (transports refuse such a thing long before). `extra` is more text of
 * the same kind, each field preceded by CRLF.
 */
export function headBytes(status: number, headers: RawHeaders, extra: string): string | Buffer {
  let text = statusLine(status);
  // What must not hold a control byte, joined: one test is cheaper than one per name and value.
  let content = '';
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    text += `\r\n${name}: ${value}`;
    content += name + value;
  }
  // Strings are encoded as UTF-8 by the engine, bytes go as they are.
  if (UNUSUAL.test(content)) return Buffer.from(carefulText(status, headers) + extra, 'latin1');
  return text + extra;
}

function carefulText(status: number, headers: RawHeaders): string {
  let text = statusLine(status);
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (NAME.test(name) && !SPLITTING.test(value)) text += `\r\n${name}: ${value}`;
  }
  return text;
}

/** Writes a longer head; call it outside a cork, before anything else. */
export function writeLongHead(response: HttpResponse, head: string | Buffer): void {
  const lines = head.toString('latin1').split('\r\n');
  response.cork(() => response.writeStatus(lines[0]!));
  for (let at = 1; at < lines.length; ) {
    const first = lines[at]!;
    const colon = first.indexOf(': ');
    let piece = first.slice(colon + 2);
    for (at += 1; at < lines.length && piece.length < CORKED_HEAD_BYTES; at++) {
      piece += `\r\n${lines[at]}`;
    }
    const name = first.slice(0, colon);
    response.cork(() => response.writeHeader(name, Buffer.from(piece, 'latin1')));
  }
}
