// What every filter keeps: it never throws whatever the request, answers or passes at once, leaves an
// exchange that can be sent on, and lets nothing that a client says end or begin a field.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../src/core/errors.ts';
import type { Exchange } from '../../src/core/exchange.ts';
import type { RequestFilter, Settled } from '../../src/core/filter.ts';
import type { RawHeaders } from '../../src/core/headers.ts';
import { makeExchange, RecordingSink } from '../unit/worker/support/exchanges.ts';

/** A filter and what it does with one honest request. */
export interface FilterRow {
  readonly name: string;
  readonly create: () => RequestFilter;
  readonly target?: string;
  readonly headers?: RawHeaders;
  /** What it comes to: `passes TARGET`, a status with its Location, or a failure by its code. */
  readonly outcome: string;
}

/** Registers the tests of one filter. */
export function filterContract(row: FilterRow): void {
  describe(`filter ${row.name}`, () => {
    it('does what it is for', async () => {
      const { target = '/', headers = [] } = row;
      const exchange = makeExchange({ target, headers: ['host', 'example.com', ...headers] });
      assert.equal(outcomeOf(exchange, await row.create().apply(exchange)), row.outcome);
    });

    it('never throws, and keeps the exchange whole, whatever the request', async () => {
      const octet = fc
        .integer({ min: 0x21, max: 0xff })
        .filter((code) => code !== 0x7f)
        .map((code) => String.fromCharCode(code));
      const hostile = fc.constantFrom(
        '%0d%0a',
        '%00',
        '%',
        '{',
        '}',
        '..',
        '//',
        '"',
        '<',
        '&',
        '=',
      );
      const text = fc
        .array(fc.oneof(octet, hostile, fc.constantFrom('%20', '%2e', 'a', '/', '?')), {
          maxLength: 20,
        })
        .map((parts) => parts.join('').replaceAll('#', ''));
      const name = fc.constantFrom('cookie', 'x-a', 'authorization', 'origin', 'accept', 'range');
      const request = fc.record({
        method: fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'x'),
        target: text.map((one) => `/${one}`),
        fields: fc.array(fc.tuple(name, text), { maxLength: 5 }),
      });
      const filter = row.create();
      const property = fc.asyncProperty(request, async ({ method, target, fields }) => {
        const client = new RecordingSink();
        const headers = ['host', 'h', ...fields.flat()];
        const exchange = makeExchange({ method, target, headers }, client);
        assertWhole(exchange, await filter.apply(exchange));
        // Answers are sent by serve, never behind its back.
        assert.equal(client.state, 'idle');
      });
      await fc.assert(property, { numRuns: 300 });
    });
  });
}

function outcomeOf(exchange: Exchange, settled: Settled): string {
  if (settled === undefined) return `passes ${exchange.target}`;
  if (settled instanceof ProxyError) return settled.code;
  const at = settled.headers.indexOf('location');
  return at === -1 ? String(settled.status) : `${settled.status} ${settled.headers[at + 1]}`;
}

function assertWhole(exchange: Exchange, settled: Settled): void {
  assert.ok(exchange.target.startsWith('/'), exchange.target);
  assert.ok(!/[\x00-\x20\x7f#]/.test(exchange.target), exchange.target);
  assertFields(exchange.requestHeaders);
  if (settled === undefined || settled instanceof ProxyError) return;
  assert.ok(settled.status >= 200 && settled.status <= 599);
  assertFields(settled.headers);
}

function assertFields(headers: RawHeaders): void {
  assert.equal(headers.length % 2, 0);
  for (let at = 0; at < headers.length; at += 2) {
    assert.match(headers[at]!, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
    assert.ok(!/[^\t -~\x80-\xff]/.test(headers[at + 1]!), headers[at + 1]);
  }
}
