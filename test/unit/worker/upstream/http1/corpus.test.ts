// Every malformed response of the corpus, in one segment and byte by byte: the outcome is as written,
// and the next exchange is served as if nothing had happened.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Http1Pools } from '../../../../../src/worker/upstream/http1/pools.ts';
import { createHttp1Upstream } from '../../../../../src/worker/upstream/http1/upstream.ts';
import { ROOMY, setStage } from '../../../../contract/upstream/stage.ts';
import { type ResponseCase, responseCases } from '../../../../e2e/corpus/responses.ts';
import { sizedResponse } from '../../../../support/origin.ts';
import type { OriginConnection } from '../../../../support/origin-connection.ts';
import type { RecordingAttempt } from '../../support/attempts.ts';

/** Above this length a case is sent in pieces of 61 bytes instead of one: the edges are hit as well. */
const BYTEWISE_MAX = 2_000;

async function sendInPieces(connection: OriginConnection, bytes: Buffer): Promise<void> {
  const size = bytes.length > BYTEWISE_MAX ? 61 : 1;
  for (let at = 0; at < bytes.length && !connection.socket.destroyed; at += size) {
    await connection.send(bytes.subarray(at, at + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function outcomeOf(attempt: RecordingAttempt): string {
  if (attempt.calls[0]?.startsWith('failure')) return '502';
  return attempt.calls.at(-1) === 'done' ? 'ok' : 'broken';
}

async function answerWith(
  one: ResponseCase,
  connection: OriginConnection,
  isSlow: boolean,
): Promise<void> {
  const bytes = Buffer.from(one.bytes, 'latin1');
  await connection.nextRequest();
  if (isSlow) await sendInPieces(connection, bytes);
  else if (bytes.length > 0) await connection.send(bytes);
  if (one.closes) connection.end();
}

describe('http1 against the corpus of responses', () => {
  it('has at least 60 malformed ones', () => {
    assert.ok(responseCases.filter(({ outcome }) => outcome !== 'ok').length >= 60);
    assert.equal(new Set(responseCases.map(({ name }) => name)).size, responseCases.length);
  });

  for (const one of responseCases) {
    for (const isSlow of [false, true]) {
      it(`${one.name}: ${one.outcome}${isSlow ? ', byte by byte' : ''}`, async (context) => {
        let answered: Promise<void> = Promise.resolve();
        const stage = await setStage(
          context,
          (settings) => {
            const pools = new Http1Pools({ sweepMs: 20 });
            const options = { ...settings, pipelining: 1, peers: [] };
            return { upstream: createHttp1Upstream(options, pools), close: () => pools.close() };
          },
          async (connection) => {
            if (connection.index === 0) {
              answered = answerWith(one, connection, isSlow);
              await answered;
            }
            while ((await connection.nextRequest()) !== null) {
              await connection.send(sizedResponse('honest'));
            }
          },
          { timeouts: { ...ROOMY.timeouts, headMs: 5000 } },
        );
        const { attempt } = await stage.fetch({ method: one.method ?? 'GET' });
        assert.equal(outcomeOf(attempt), one.outcome, String(attempt.calls));
        assert.notEqual(attempt.error?.code, 'head_timeout');
        if (one.body !== undefined) assert.equal(attempt.body.toString('latin1'), one.body);
        // What comes behind a response is there before the next request: later nobody could tell whose it is.
        await answered;
        for (let turn = 0; turn < 3; turn++) await nextTurn();
        const next = await stage.fetch({ target: '/next' });
        assert.equal(next.attempt.body.toString(), 'honest');
        assert.deepEqual(next.attempt.calls, ['head', 'start', 'end', 'done']);
      });
    }
  }
});
