// Heads of requests for peers: line by line what the list says, however often clients come again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RawHeaders } from '../../../../../src/core/headers.ts';
import { RepeatedLines } from '../../../../../src/worker/upstream/http1/repeated-lines.ts';
import { writeRequestHead } from '../../../../../src/worker/upstream/http1/request-head.ts';
import { makeExchange, makePeers } from '../../support/exchanges.ts';

const { peer } = makePeers(1)[0]!;

function head(headers: RawHeaders): string {
  return writeRequestHead(makeExchange({ headers, target: '/a?b', host: 'example.com' }), peer);
}

function plainHead(headers: RawHeaders): string {
  let text = 'GET /a?b HTTP/1.1\r\nhost: example.com';
  for (let at = 0; at < headers.length; at += 2) text += `\r\n${headers[at]}: ${headers[at + 1]}`;
  return `${text}\r\n\r\n`;
}

/** As filter/forwarded leaves them. */
function told(client: string, host: string, id: number): string[] {
  return [
    ...['accept', '*/*', 'x-forwarded-for', client, 'x-forwarded-host', host],
    ...['x-forwarded-proto', 'http', 'x-real-ip', client, 'x-request-id', `${id}`],
  ];
}

describe('request head', () => {
  // Addresses that end alike share a place, and every second request is of another client.
  const addresses = ['192.0.2.1', '198.51.100.2.1', '2001:db8::1', '', '203.0.113.2.1'];

  it('says of each client what is true of it, also when clients take turns', () => {
    for (let id = 0; id < 3000; id += 1) {
      const headers = told(addresses[id % addresses.length]!, id % 7 > 3 ? 'a.test' : 'b.test', id);
      assert.equal(head(headers), plainHead(headers));
    }
  });

  it('is line by line what the list says, whatever came before', () => {
    const name = fc.constantFrom(
      ...['accept', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'],
      'x-request-id',
    );
    const value = fc.constantFrom('', '1', '192.0.2.1', '\u00e9', 'x'.repeat(3000));
    const list = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat());
    const rows = fc.record({
      lists: fc.array(list, { minLength: 1, maxLength: 3 }),
      times: fc.nat(30),
    });
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 8 }), (given) => {
        for (const { lists, times } of given) {
          for (let at = 0; at < times; at += 1) {
            const headers = lists[at % lists.length]!;
            assert.equal(head(headers), plainHead(headers));
          }
        }
      }),
    );
  });
});

describe('repeated lines', () => {
  function findings(lines: RepeatedLines, headers: RawHeaders, times: number): number {
    let found = 0;
    for (let at = 0; at < times; at += 1) {
      const row = lines.find(headers, 2);
      if (row === null) continue;
      found += 1;
      assert.equal(
        row.text,
        '\r\nx-forwarded-for: 192.0.2.1\r\nx-forwarded-host: a\r\nx-forwarded-proto: http' +
          '\r\nx-real-ip: 192.0.2.1',
      );
      assert.equal(row.length, 8);
    }
    return found;
  }

  it('know a client after some requests', () => {
    assert.equal(findings(new RepeatedLines(), told('192.0.2.1', 'a', 1), 20), 12);
  });

  it('learn ever more rarely where that is of no use', () => {
    const lines = new RepeatedLines();
    // Each comes once: so many heads that patience is at its end.
    for (let id = 0; id < 5000; id += 1) lines.find(told('192.0.2.1', `${id}`, id), 2);
    assert.equal(findings(lines, told('192.0.2.1', 'a', 1), 100), 0);
  });

  it('do not keep long rows', () => {
    const lines = new RepeatedLines();
    const headers = told('192.0.2.1', 'h'.repeat(2100), 1);
    for (let at = 0; at < 100; at += 1) assert.equal(lines.find(headers, 2), null);
  });
});
