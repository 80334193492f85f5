// Every stage on the contract of stages.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { CachedVariant, type StoredResponse } from '../../src/core/cache.ts';
import type { ResponseStage } from '../../src/core/filter.ts';
import { attachStages } from '../../src/worker/attach-stages.ts';
import { decodeBody } from '../../src/worker/compress/decode-body.ts';
import { PagesByStatus, ReplaceErrors } from '../../src/worker/filter/answer/error-pages.ts';
import { Bandwidth } from '../../src/worker/filter/limit/bandwidth.ts';
import { Pacer } from '../../src/worker/filter/limit/pacer.ts';
import {
  CompiledHeaderEdits,
  EditResponseHeaders,
} from '../../src/worker/filter/rewrite/header-edits.ts';
import { MapBack } from '../../src/worker/filter/rewrite/map-back.ts';
import {
  ReplaceBody,
  type ReplaceBodySettings,
} from '../../src/worker/filter/rewrite/replace-body.ts';
import { makeStage } from '../unit/worker/plugin/support.ts';
import { makeExchange, RecordingSink } from '../unit/worker/support/exchanges.ts';
import { type StageRow, stageContract } from './stages.contract.ts';

const text = Buffer.from('<p>one two</p> <a href="http://in/x">one</a> twone <a href=http://in/>');
const html = ['content-type', 'text/html; charset=utf-8'];

function replacing(settings: Partial<ReplaceBodySettings>): ResponseStage {
  const none = { types: ['text/html'], html: [], text: [], regex: [] };
  return new ReplaceBody({ ...none, ...settings }, (exchange, next) =>
    decodeBody(exchange, next, { bytesMax: 1_000_000, ratioMax: 100 }),
  );
}

const link = { tags: ['a'], attributes: ['href'], from: 'http://in/', to: 'https://{host}/' };

const rows: readonly StageRow[] = [
  {
    name: 'response-headers',
    create: () =>
      new EditResponseHeaders(
        new CompiledHeaderEdits({ remove: ['x-*'], set: { a: '{host}' }, add: {}, append: {} }),
      ),
    headers: [...html, 'x-internal', '1'],
    body: text,
    expected: text.toString('latin1'),
  },
  {
    name: 'map-back',
    create: () =>
      new MapBack({
        origins: new Set(['http://10.0.0.1']),
        location: true,
        stripPrefix: '/app',
        addPrefix: null,
        cookieDomain: {},
        cookiePath: {},
      }),
    headers: [...html, 'location', 'http://10.0.0.1/x', 'set-cookie', 'a=b; path=/'],
    body: text,
    expected: text.toString('latin1'),
  },
  {
    name: 'replace-body, texts',
    create: () =>
      replacing({
        text: [
          { from: 'one', to: 'three' },
          { from: 'one two', to: '1' },
        ],
      }),
    headers: [...html, 'etag', '"x"', 'accept-ranges', 'bytes'],
    body: text,
    expected: '<p>1</p> <a href="http://in/x">three</a> twthree <a href=http://in/>',
  },
  {
    name: 'replace-body, expressions',
    create: () => replacing({ regex: [{ regex: '(o)(n)', to: '{2}{1}' }] }),
    headers: html,
    body: text,
    expected: '<p>noe two</p> <a href="http://in/x">noe</a> twnoe <a href=http://in/>',
  },
  {
    name: 'replace-body, attributes',
    create: () => replacing({ html: [link] }),
    headers: html,
    body: text,
    expected: '<p>one two</p> <a href="https://h/x">one</a> twone <a href=https://h/>',
  },
  {
    name: 'replace-body, all at once and encoded',
    create: () =>
      replacing({
        html: [link],
        text: [{ from: 'two', to: '2' }],
        regex: [{ regex: '^<p>', to: '<q>' }],
      }),
    headers: [...html, 'content-encoding', 'gzip'],
    body: gzipSync(text),
    expected: '<q>one 2</p> <a href="https://h/x">one</a> 2ne <a href=https://h/>',
  },
  {
    name: 'bandwidth',
    create: () => {
      // Time runs a thousand times as fast.
      const pacer = new Pacer(() => performance.now() * 1000, 1);
      return new Bandwidth({ bytesPerSecond: 100, afterBytes: 0, pacer });
    },
    headers: html,
    body: Buffer.from('x'.repeat(120)),
    expected: 'x'.repeat(120),
  },
  {
    name: 'error-pages',
    create: () => {
      const body = () => Buffer.from('page');
      const page = { contentType: 'text/html', text: null, intercept: true, body };
      return new ReplaceErrors(new PagesByStatus(new Map([['5xx', page]])));
    },
    status: 503,
    headers: [...html, 'etag', '"x"', 'retry-after', '1'],
    body: text,
    expected: 'page',
    answersAtEnd: true,
  },
  {
    name: 'plugin, of the head',
    create: () =>
      makeStage((response) => {
        response.setHeader('x-type', response.header('content-type') ?? '');
        return undefined;
      }),
    headers: html,
    body: text,
    expected: text.toString('latin1'),
  },
  {
    name: 'plugin, of an encoded body',
    create: () =>
      makeStage(() => ({ chunk: (bytes) => Buffer.from(bytes).toString().toUpperCase() })),
    headers: [...html, 'content-encoding', 'gzip'],
    body: gzipSync(text),
    expected: text.toString('latin1').toUpperCase(),
  },
  {
    name: 'plugin, that holds the body back to its end',
    create: () =>
      makeStage(() => {
        const chunks: Buffer[] = [];
        return {
          chunk: (bytes) => {
            chunks.push(Buffer.from(bytes));
            return undefined;
          },
          end: () => Buffer.concat(chunks).toString('base64'),
        };
      }),
    headers: html,
    body: text,
    expected: text.toString('base64'),
    answersAtEnd: true,
  },
];

for (const row of rows) stageContract(row);

describe('stages together', () => {
  it('meet the head in the order in which they meet the bytes', () => {
    const seen: string[] = [];
    const noting = (name: string): ResponseStage => ({
      name,
      attach(exchange, next) {
        seen.push(`${name} after ${exchange.responseHeaders.join()}`);
        exchange.responseHeaders = [name, '1'];
        return {
          start: (source) => next.start(source),
          write: (chunk) => next.write(Buffer.from(`${name}(${Buffer.from(chunk)})`)),
          end: () => next.end(),
          fail: (error) => next.fail(error),
        };
      },
    });
    const absent: ResponseStage = { name: 'absent', attach: (_, next) => next };
    const client = new RecordingSink();
    const exchange = makeExchange({}, client);
    const sink = attachStages(exchange, [absent, noting('a'), absent, noting('b'), absent], client);
    sink.start({ pause() {}, resume() {}, cancel() {} });
    sink.write(Buffer.from('x'));
    sink.end();
    assert.deepEqual(seen, ['a after ', 'b after a,1']);
    assert.equal(client.bytes, 'b(a(x))');
    assert.equal(client.state, 'ended');
  });

  it('behind a page that stands in for a stored answer take nothing for the stored one', () => {
    const exchange = makeExchange({}, new RecordingSink());
    exchange.status = 503;
    exchange.cached = new CachedVariant({} as StoredResponse, text);
    const row = rows.find(({ name }) => name === 'error-pages')!;
    attachStages(exchange, [row.create()], exchange.client);
    assert.equal(exchange.cached, null);
  });
});
