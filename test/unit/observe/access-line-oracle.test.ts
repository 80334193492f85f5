// Access log lines against the plainest way to write them: whatever is prepared, copied or counted by hand
// in the real writers must come out as the very same line, also when values come again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Exchange } from '../../../src/core/exchange.ts';
import {
  createCombinedLine,
  createJsonLine,
  type LineWriter,
  type Moment,
} from '../../../src/observe/access-line.ts';
import { LineBuffer } from '../../../src/observe/line-buffer.ts';
import { makeExchange, makePeers, makePlan } from '../worker/support/exchanges.ts';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const { peer: somePeer } = makePeers(1)[0]!;

type Oracle = (exchange: Exchange, moment: Moment, charsMax: number) => string;

const jsonOracle: Oracle = (exchange, { durationMs, wallMs }, charsMax) => {
  const text = (value: string) => {
    const cut = value.length > charsMax ? `${value.slice(0, charsMax)}...` : value;
    const escaped = cut.replace(/[^ !#-[\]-~]/g, (each) => {
      const hex = each.charCodeAt(0).toString(16).padStart(4, '0');
      return each === '"' || each === '\\' ? `\\${each}` : `\\u${hex}`;
    });
    return `"${escaped}"`;
  };
  const { plan, peer, failure } = exchange;
  const members: [string, string | null][] = [
    ['time', `"${new Date(wallMs).toISOString()}"`],
    ['id', text(exchange.requestId)],
    ['client', text(exchange.clientAddress)],
    ['listener', text(exchange.entry.listener)],
    ['method', text(exchange.method)],
    ['host', text(exchange.host)],
    ['target', text(exchange.receivedTarget)],
    ['status', `${exchange.status}`],
    ['bytesSent', `${exchange.bytesSent}`],
    ['bytesReceived', `${exchange.bytesReceived}`],
    ['encoding', exchange.encoding === '' ? null : text(exchange.encoding)],
    ['plainBytes', exchange.encoding === '' ? null : `${exchange.plainBytes}`],
    ['durationMs', thousandths(durationMs)],
    [
      'headMs',
      exchange.headAtMs > 0 ? thousandths(exchange.headAtMs - exchange.startedAtMs) : null,
    ],
    ['route', plan === null ? null : text(plan.route)],
    ['peer', peer === null ? null : text(peer.id)],
    ['attempts', peer === null ? null : `${exchange.attempts}`],
    ['cache', exchange.cacheStatus === null ? null : text(exchange.cacheStatus)],
    ['failure', failure === null ? null : text(failure.code)],
    ['detail', failure === null || failure.detail === '' ? null : text(failure.detail)],
    ['user', exchange.user === '' ? null : text(exchange.user)],
    ['userAgent', optional(field(exchange, 'user-agent'), text)],
    ['referer', optional(field(exchange, 'referer'), text)],
  ];
  const written = members.filter(([, value]) => value !== null);
  return `{${written.map(([name, value]) => `"${name}":${value}`).join(',')}}\n`;
};

const combinedOracle: Oracle = (exchange, { wallMs }, charsMax) => {
  const text = (value: string, unwanted = /[^ !#-[\]-~]/g) =>
    value.slice(0, charsMax).replace(unwanted, (each) => {
      const code = each.charCodeAt(0);
      return `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
    }) + (value.length > charsMax ? '...' : '');
  const word = (value: string) => text(value || '-', /[^!#-[\]-~]/g);
  const time = new Date(wallMs).toISOString();
  const day = `${time.slice(8, 10)}/${MONTHS[Number(time.slice(5, 7)) - 1]}/${time.slice(0, 4)}`;
  const request = `${text(exchange.method)} ${text(exchange.receivedTarget)} HTTP/1.1`;
  const referer = text(field(exchange, 'referer') ?? '-');
  const agent = text(field(exchange, 'user-agent') ?? '-');
  const who = `${word(exchange.clientAddress)} - ${word(exchange.user)}`;
  const sent = `${exchange.status} ${exchange.bytesSent}`;
  return `${who} [${day}:${time.slice(11, 19)} +0000] "${request}" ${sent} "${referer}" "${agent}"\n`;
};

function thousandths(durationMs: number): string {
  const us = Math.round(durationMs * 1000);
  return `${Math.floor(us / 1000)}.${`${us % 1000}`.padStart(3, '0')}`;
}

function field(exchange: Exchange, name: string): string | undefined {
  const at = exchange.requestHeaders.findIndex((each, index) => index % 2 === 0 && each === name);
  return at < 0 ? undefined : exchange.requestHeaders[at + 1];
}

function optional(value: string | undefined, write: (value: string) => string): string | null {
  return value === undefined ? null : write(value);
}

// Mostly what needs no escapes, of all lengths around those where the way of writing changes.
const plainText = fc.string({ unit: fc.constantFrom(...'aZ09-_/ .?='), maxLength: 90 });
const anyBytes = fc
  .uint8Array({ maxLength: 60 })
  .map((array) => Buffer.from(array).toString('latin1'));
const value = fc.oneof({ weight: 3, arbitrary: plainText }, anyBytes);
/** Few, so that they come again. */
const name = fc.constantFrom('a', 'http-8080', 'with "quotes"', 'caf\u00e9 \\', 'x'.repeat(70));
const count = fc.oneof(fc.nat(2000), fc.maxSafeNat());
const duration = fc.double({ min: 0, max: 1e7, noNaN: true });
const fields = fc.array(fc.tuple(fc.constantFrom('user-agent', 'referer', 'cookie'), value), {
  maxLength: 4,
});

const exchanges = fc
  .record({
    ...{ fields, target: value, host: value, method: fc.oneof(fc.constant('GET'), value) },
    ...{ id: value, client: value, user: fc.oneof(fc.constant(''), value), listener: name },
    ...{ route: fc.option(name), peer: fc.option(name), attempts: fc.nat(12), detail: value },
    ...{ status: fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(0, 999, 1000)) },
    ...{ bytesSent: count, bytesReceived: count, plainBytes: count, headMs: duration },
    encoding: fc.constantFrom('', 'br', 'gzip'),
    cacheStatus: fc.constantFrom(null, 'hit' as const, 'miss' as const),
    failure: fc.constantFrom(null, 'peer_reset' as const, 'no_route' as const),
  })
  .map((given) => {
    const { host, method, target, client, status } = given;
    const headers = given.fields.flat();
    const exchange = makeExchange({ headers, method, target, host });
    Object.assign(exchange, {
      ...{ requestId: given.id, clientAddress: client, user: given.user, status },
      ...{ bytesSent: given.bytesSent, bytesReceived: given.bytesReceived },
      ...{ encoding: given.encoding, plainBytes: given.plainBytes, attempts: given.attempts },
      ...{ cacheStatus: given.cacheStatus, headAtMs: exchange.startedAtMs + given.headMs },
      entry: { ...exchange.entry, listener: given.listener },
      plan: given.route === null ? null : makePlan({ route: given.route }),
      peer: given.peer === null ? null : { ...somePeer, id: given.peer },
      failure: given.failure === null ? null : { code: given.failure, detail: given.detail },
    });
    return exchange;
  });

const moments = fc.record({
  durationMs: duration,
  // Within a few seconds and far apart.
  wallMs: fc.oneof(fc.integer({ min: 1_795_222_920_000, max: 1_795_222_923_000 }), fc.nat(4e12)),
});

describe('access lines', () => {
  for (const [format, create, oracle] of [
    ['json', createJsonLine, jsonOracle],
    ['combined', createCombinedLine, combinedOracle],
  ] as const) {
    it(`are written as the plain way writes them: ${format}`, () => {
      // One writer for all, as in a worker.
      const write = create();
      fc.assert(
        fc.property(
          exchanges,
          moments,
          fc.constantFrom(4096, 64, 40, 8),
          (exchange, moment, max) => {
            assert.equal(lineOf(write, exchange, moment, max), oracle(exchange, moment, max));
          },
        ),
        { numRuns: 500 },
      );
    });

    it(`say so when there is no room, wherever it ends: ${format}`, () => {
      const write = create();
      const exchange = fc.sample(exchanges, { numRuns: 1, seed: 7 })[0]!;
      const moment = { durationMs: 1.5, wallMs: 1_795_222_920_001 };
      const whole = oracle(exchange, moment, 4096);
      for (let room = 0; room < whole.length; room += 1) {
        const out = new LineBuffer(room);
        write(out, exchange, moment, 4096);
        assert.equal(out.isOver, true, `${room}`);
        assert.equal(out.length, whole.length);
      }
    });
  }
});

function lineOf(write: LineWriter, exchange: Exchange, moment: Moment, charsMax: number): string {
  const out = new LineBuffer(16 * 1024);
  write(out, exchange, moment, charsMax);
  assert.equal(out.isOver, false);
  return out.take().toString('latin1');
}
