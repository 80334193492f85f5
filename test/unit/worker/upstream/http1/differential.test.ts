// The same response octets through the own transport and through undici's llhttp. Where they disagree, a
// row of the table says why; a difference that no row explains fails, and so does a row nobody needs.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { Client } from 'undici';
import { Http1Pools } from '../../../../../src/worker/upstream/http1/pools.ts';
import { createHttp1Upstream } from '../../../../../src/worker/upstream/http1/upstream.ts';
import { ROOMY } from '../../../../contract/upstream/stage.ts';
import { type Origin, startOrigin } from '../../../../support/origin.ts';
import { testSeed } from '../../../../support/random.ts';
import { makePeer, RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';

interface Seen {
  readonly isComplete: boolean;
  readonly status: number;
  /** `name: value` lines without those that concern the hop. */
  readonly fields: readonly string[];
  readonly body: string;
}

interface Difference {
  readonly why: string;
  /** A response that shows it. */
  readonly example: string;
  explains(bytes: string, own: Seen, undici: Seen): boolean;
}

const FAILED: Seen = { isComplete: false, status: 0, fields: [], body: '' };
const HOP =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|upgrade|date|content-length|transfer-encoding):/;

/** Own refuses what undici believes, and `pattern` is in the response. */
function stricter(why: string, pattern: RegExp, example: string): Difference {
  const explains = (bytes: string, own: Seen, undici: Seen) =>
    !own.isComplete && undici.isComplete && pattern.test(bytes);
  return { why, example, explains };
}

/** Both take the response, and what they see is the same but for the form of undici's fields. */
function otherForm(why: string, example: string, form: (bytes: string) => boolean): Difference {
  const explains = (bytes: string, own: Seen, undici: Seen) =>
    own.isComplete &&
    undici.isComplete &&
    own.status === undici.status &&
    own.body === undici.body &&
    form(bytes) &&
    own.fields.map((line) => line.trim()).join() ===
      undici.fields
        .filter((line) => !isNamedByConnection(line, bytes))
        .map((line) => line.trim())
        .join();
  return { why, example, explains };
}

function isNamedByConnection(line: string, bytes: string): boolean {
  return line.startsWith('x-a:') && NAMES_X_A.test(bytes);
}

const NAMES_X_A = /\r\nconnection:(?:[^\r]*,)?[ \t]*x-a[ \t]*(?:,[^\r]*)?\r\n/i;
/** A chunk size with something behind its semicolon that is no extension by the grammar. */
const ODD_EXTENSION =
  /\r\n[0-9a-f]+(?!(?:;[\w-]+(?:=(?:[\w-]+|"[^"\\]*"))?)+\r\n);[\t\x20-\x7e\x80-\xff]*\r\n/i;
const OK = 'HTTP/1.1 200 OK\r\n';
const HELLO = '\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED_HELLO = '\r\n\r\n5\r\nhello\r\n0\r\n\r\n';

const DIFFERENCES: readonly Difference[] = [
  otherForm(
    'undici keeps the white space after a value, which is no part of it: RFC 9112 section 5',
    `${OK}X-B: c \t${HELLO}`,
    (bytes) => /[ \t]\r\n/.test(bytes),
  ),
  otherForm(
    'undici leaves it to its user to remove what Connection names: RFC 9110 section 7.6.1',
    `${OK}Connection: x-a, close\r\nX-A: b${HELLO}`,
    (bytes) => NAMES_X_A.test(bytes),
  ),
  stricter(
    'a version that is neither 1.0 nor 1.1 promises nothing that could be relied on',
    /(?:^|\r\n\r\n)HTTP\/(?!1\.[01] )/,
    `HTTP/2.0 200 OK${HELLO}`,
  ),
  stricter(
    'a status from 600 on has no class: RFC 9110 section 15',
    /HTTP\/1\.\d [6-9]\d\d/,
    `HTTP/1.1 999 Odd${HELLO}`,
  ),
  stricter(
    'a control character in a reason: a line end to somebody, and RFC 9112 section 4 has none',
    /HTTP\/1\.\d \d\d\d[^\n]*(?:[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n))/,
    `HTTP/1.1 200 O\0K${HELLO}`,
  ),
  stricter(
    'Transfer-Encoding in HTTP/1.0: RFC 9112 section 6.1 calls its framing faulty',
    /(?:^|\r\n\r\n)HTTP\/1\.0 .*\r\ntransfer-encoding:/is,
    `HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked${CHUNKED_HELLO}`,
  ),
  stricter(
    'a Transfer-Encoding that is not exactly chunked: not everybody reads its framing alike',
    /\r\ntransfer-encoding:(?![ \t]*chunked[ \t]*\r\n)/i,
    `${OK}Transfer-Encoding: gzip, chunked${CHUNKED_HELLO}`,
  ),
  stricter(
    'more than one Transfer-Encoding: not everybody reads its framing alike',
    /\r\ntransfer-encoding:.*\r\ntransfer-encoding:/is,
    `${OK}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked${CHUNKED_HELLO}`,
  ),
  {
    why: 'undici refuses 100 (Continue) that it did not ask for; proxies must consume it',
    example: `HTTP/1.1 100 Continue\r\n\r\n${OK}${HELLO.slice(2)}`,
    explains: (bytes, own, undici) =>
      own.isComplete && !undici.isComplete && /^HTTP\/1\.\d 100/.test(bytes),
  },
  {
    why: 'undici refuses extensions that break their grammar; they are ignored: RFC 9112 section 7.1.1',
    example: `${OK}Transfer-Encoding: chunked\r\n\r\n5;ext="a\u00e9\r\nhello\r\n0\r\n\r\n`,
    explains: (bytes, own, undici) =>
      own.isComplete && own.body === 'hello' && !undici.isComplete && ODD_EXTENSION.test(bytes),
  },
  {
    why: 'undici refuses white space behind a length, which is no part of it: RFC 9112 section 5',
    example: `${OK}Content-Length: 0\t\r\n\r\n5 \r\nhello`,
    explains: (bytes, own, undici) =>
      own.isComplete && !undici.isComplete && /\r\ncontent-length:[^\r\n]*[ \t]\r\n/i.test(bytes),
  },
];

let origin: Origin;
let pools: Http1Pools;
/** Answers to come, by target. */
const answers = new Map<string, Buffer>();

async function throughOwn(target: string): Promise<Seen> {
  const upstream = createHttp1Upstream({ ...ROOMY, pipelining: 1, peers: [] }, pools);
  const exchange = makeExchange({ target, headers: ['connection', 'close'] });
  const attempt = new RecordingAttempt();
  upstream.send(exchange, makePeer(origin.port), attempt);
  await attempt.over();
  if (attempt.calls.at(-1) !== 'done') return FAILED;
  const fields: string[] = [];
  for (let at = 0; at < exchange.responseHeaders.length; at += 2) {
    fields.push(`${exchange.responseHeaders[at]}: ${exchange.responseHeaders[at + 1]}`);
  }
  return {
    isComplete: true,
    status: exchange.status,
    fields,
    body: attempt.body.toString('latin1'),
  };
}

function throughUndici(target: string): Promise<Seen> {
  const client = new Client(origin.url, { pipelining: 1, maxHeaderSize: 65_536 });
  const chunks: Buffer[] = [];
  let status = 0;
  let raw: Buffer[] = [];
  return new Promise<Seen>((resolve) => {
    client.dispatch(
      { method: 'GET', path: target },
      {
        onRequestStart() {},
        onResponseStart(controller, code) {
          status = code;
          raw = controller.rawHeaders as unknown as Buffer[];
        },
        onResponseData(_, chunk) {
          chunks.push(Buffer.from(chunk));
        },
        onResponseEnd() {
          const fields: string[] = [];
          for (let at = 0; at < raw.length; at += 2) {
            const line = `${raw[at]!.toString('latin1').toLowerCase()}: ${raw[at + 1]!.toString('latin1')}`;
            if (!HOP.test(line)) fields.push(line);
          }
          const body = Buffer.concat(chunks).toString('latin1');
          resolve({ isComplete: true, status, fields, body });
        },
        onResponseError() {
          resolve(FAILED);
        },
      },
    );
  }).finally(() => client.destroy());
}

const version = fc.constantFrom(
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
);
const status = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('200', '404', '206', '503', '204', '304') },
  { weight: 1, arbitrary: fc.constantFrom('600', '999', '099', '20', '2000', '100', '103') },
);
const reason = fc.constantFrom(' OK', ' ', '', ' O\u00e9', '  two  ');
const line = fc.constantFrom(
  'Server: x',
  'X-A:b',
  'X-B:  c d  ',
  'X-C:\t\u00ff\t',
  'Set-Cookie: a=1',
  'Set-Cookie: b=2',
  'X-Empty:',
  'Content-Length: 5',
  'content-length: 5',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Transfer-Encoding: chunked',
  'transfer-encoding: Chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: identity',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: x-a, close',
  'X-Bad : a',
  'X Bad: a',
  ': a',
  'No colon',
  ' folded',
  'X-Nul: \0',
  'X-Esc: \x1b',
);
const body = fc.constantFrom(
  'hello',
  '',
  'hello and more',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;ext="a"\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  '05\r\nhello\r\n00\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '5\r\nhelloXX0\r\n\r\n',
  '5\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n0\r\n',
  'x\r\n',
);
const interim = fc.constantFrom('', '', '', '', 'HTTP/1.1 103 Early\r\nLink: x\r\n\r\n');
const response = fc
  .tuple(version, status, reason, fc.array(line, { maxLength: 4 }), body, interim)
  .map(
    ([v, s, r, lines, b, i]) =>
      `${i}${v} ${s}${r}\r\n${lines.map((l) => `${l}\r\n`).join('')}\r\n${b}`,
  );
const damaged = fc
  .tuple(response, fc.nat(), fc.constantFrom(...'\r\n\0 :\t;5x\x7f\u00e9'))
  .map(([text, at, octet]) => {
    const place = at % text.length;
    return text.slice(0, place) + octet + text.slice(place + 1);
  });

describe('own transport against undici', () => {
  before(async () => {
    pools = new Http1Pools({ sweepMs: 20 });
    origin = await startOrigin(async (connection) => {
      const request = await connection.nextRequest();
      if (request === null) return;
      await connection.send(answers.get(request.target)!);
      connection.end();
    });
  });
  after(async () => {
    pools.close();
    await origin.close();
  });

  let serial = 0;
  async function compare(bytes: string): Promise<{ own: Seen; undici: Seen }> {
    const target = `/${serial++}`;
    answers.set(target, Buffer.from(bytes, 'latin1'));
    const [own, undici] = await Promise.all([throughOwn(target), throughUndici(target)]);
    answers.delete(target);
    return { own, undici };
  }

  for (const difference of DIFFERENCES) {
    it(`differs: ${difference.why}`, async () => {
      const { own, undici } = await compare(difference.example);
      assert.notDeepEqual(own, undici);
      assert.ok(difference.explains(difference.example, own, undici));
    });
  }

  it('differs in nothing else', async () => {
    const property = fc.asyncProperty(fc.oneof(response, damaged), async (bytes) => {
      const { own, undici } = await compare(bytes);
      if (DIFFERENCES.some((difference) => difference.explains(bytes, own, undici))) return;
      assert.deepEqual(own, undici, JSON.stringify(bytes));
    });
    await fc.assert(property, { seed: testSeed(), numRuns: Number(process.env['RUNS'] ?? 1000) });
  });
});
