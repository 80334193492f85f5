// Access log lines: what is in them, what never is, and that no byte of a client can forge one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Exchange } from '../../../src/core/exchange.ts';
import {
  createCombinedLine,
  createJsonLine,
  type LineWriter,
} from '../../../src/observe/access-line.ts';
import { LineBuffer } from '../../../src/observe/line-buffer.ts';
import { type Finished, finishedExchange } from './finished-exchange.ts';

const AT = Date.UTC(2026, 10, 21, 1, 2, 3, 45);
const MAX = 4096;

const json = asText(createJsonLine());
const combined = asText(createCombinedLine());

function asText(writeLine: LineWriter) {
  return (exchange: Exchange, durationMs: number, wallMs: number, charsMax: number): string => {
    const out = new LineBuffer(64 * 1024);
    writeLine(out, exchange, { durationMs, wallMs }, charsMax);
    assert.equal(out.isOver, false);
    return out.take().toString('latin1');
  };
}

function jsonOf(finished: Finished): Record<string, unknown> {
  return JSON.parse(json(finishedExchange(finished), 12.3456, AT, MAX)) as Record<string, unknown>;
}

// Any byte string: one character is one octet.
const bytes = fc
  .uint8Array({ maxLength: 60 })
  .map((array) => Buffer.from(array).toString('latin1'));

describe('JSON line', () => {
  it('holds every field of an exchange that went well', () => {
    const line = jsonOf({ userAgent: 'curl/8', referer: 'http://a/', bytesReceived: 7 });
    assert.deepEqual(line, {
      time: '2026-11-21T01:02:03.045Z',
      id: 'id-1',
      client: '192.0.2.1',
      listener: 'http-80',
      method: 'GET',
      host: 'example.com',
      target: '/a?b=c',
      status: 200,
      bytesSent: 1024,
      bytesReceived: 7,
      durationMs: 12.346,
      headMs: 1.5,
      route: 'images',
      peer: 'app/10.0.0.1:80',
      attempts: 1,
      userAgent: 'curl/8',
      referer: 'http://a/',
    });
  });

  it('names the failure and its detail', () => {
    const line = jsonOf({ status: 502, failure: 'peer_reset', detail: 'ECONNRESET "x"' });
    assert.equal(line['failure'], 'peer_reset');
    assert.equal(line['detail'], 'ECONNRESET "x"');
  });

  it('tells the coding that the proxy put on the body, and the length before', () => {
    const exchange = finishedExchange();
    exchange.encoding = 'zstd';
    exchange.plainBytes = 9000;
    const line = JSON.parse(json(exchange, 1, 0, 100)) as Record<string, unknown>;
    assert.deepEqual([line['encoding'], line['plainBytes']], ['zstd', 9000]);
    assert.equal('encoding' in jsonOf({}), false);
  });

  it('leaves out what an unrouted request does not have', () => {
    const line = jsonOf({ status: 404, failure: 'no_route', hasRoute: false });
    assert.deepEqual(
      ['route', 'peer', 'attempts', 'headMs', 'userAgent'].filter((name) => name in line),
      [],
    );
  });

  it('never logs credentials of header fields', () => {
    assert.doesNotMatch(json(finishedExchange(), 1, AT, MAX), /secret|c2VjcmV0/);
    assert.doesNotMatch(combined(finishedExchange(), 1, AT, MAX), /secret|c2VjcmV0/);
  });

  it('cuts values that are too long', () => {
    const exchange = finishedExchange({ target: `/${'x'.repeat(100)}` });
    const line = JSON.parse(json(exchange, 1, AT, 10)) as Record<string, unknown>;
    assert.equal(line['target'], '/xxxxxxxxx...');
  });

  // A client puts a quote, a line feed and a made-up record into its user agent, to hide what it did.
  it('parses back to the very bytes, on one line of ASCII, whatever they are', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (target, userAgent, host, detail) => {
        const finished = { target, userAgent, host, detail, failure: 'bad_response' } as const;
        const text = json(finishedExchange(finished), 1, AT, MAX);
        assert.match(text, /^[ -~]*\n$/);
        const line = JSON.parse(text) as Record<string, unknown>;
        assert.equal(line['target'], target);
        assert.equal(line['userAgent'], userAgent);
        assert.equal(line['host'], host);
        assert.equal(line['detail'] ?? '', detail);
        assert.equal(line['status'], 200);
      }),
    );
  });

  it('formats durations with three decimals', () => {
    for (const [durationMs, text] of [
      [0, '0.000'],
      [0.0004, '0.000'],
      [0.9996, '1.000'],
      [1.05, '1.050'],
      [3_600_000.5, '3600000.500'],
      [-1, '0.000'],
      [Number.NaN, '0.000'],
    ] as const) {
      assert.ok(
        json(finishedExchange(), durationMs, AT, MAX).includes(`"durationMs":${text},`),
        `${durationMs}`,
      );
    }
  });

  it('follows the clock from second to second', () => {
    const times = [AT, AT + 954, AT + 955, AT + 86_400_000].map(
      (at) => (JSON.parse(json(finishedExchange(), 1, at, MAX)) as { time: string }).time,
    );
    assert.deepEqual(times, [
      '2026-11-21T01:02:03.045Z',
      '2026-11-21T01:02:03.999Z',
      '2026-11-21T01:02:04.000Z',
      '2026-11-22T01:02:03.045Z',
    ]);
  });
});

describe('combined line', () => {
  const pattern =
    /^(\S+) - - \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] "([^"]*)" (\d+) (\d+) "([^"]*)" "([^"]*)"\n$/;

  it('is what nginx writes', () => {
    const exchange = finishedExchange({ userAgent: 'curl/8 "x"', status: 304, bytesSent: 0 });
    assert.equal(
      combined(exchange, 1, AT, MAX),
      '192.0.2.1 - - [21/Nov/2026:01:02:03 +0000] "GET /a?b=c HTTP/1.1" 304 0 "-" "curl/8 \\x22x\\x22"\n',
    );
  });

  it('keeps its shape and gives the bytes back, whatever they are', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (target, userAgent, referer, clientAddress) => {
        const finished = { target, userAgent, referer, clientAddress };
        const text = combined(finishedExchange(finished), 1, AT, MAX);
        const match = pattern.exec(text);
        assert.ok(match, text);
        assert.equal(unescaped(match[3]!), `GET ${target} HTTP/1.1`);
        assert.equal(unescaped(match[6]!), referer);
        assert.equal(unescaped(match[7]!), userAgent);
      }),
    );
  });
});

function unescaped(text: string): string {
  return text.replace(/\\x([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
