// The corpus of malformed requests against the bare listener. Its handler answers late, as a proxy does.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { BadRequest } from '../../e2e/corpus/bad-request.ts';
import { nodeOutcome } from '../../e2e/corpus/node-outcomes.ts';
import { expected, type Pace, play } from '../../e2e/corpus/play.ts';
import { badRequests } from '../../e2e/corpus/requests.ts';
import { request as honestRequest } from '../../support/client.ts';
import {
  answer,
  collect,
  engineUnderTest,
  openScripted,
} from '../../unit/worker/listener/support/scripted-handler.ts';

const paces: readonly Pace[] = ['in one segment', 'byte by byte'];
const isNode = engineUnderTest() === 'node';
// What never ends is given up soon where that is the outcome, and otherwise only in a hang.
const given = (ms: number) => ({
  requestBodyIdleMs: ms,
  // The engine node keeps connections whose requests it served.
  ...(isNode ? { requestHeadMs: ms, clientIdleMs: 2000 } : {}),
});

describe('the corpus of bad requests', () => {
  it('has at least sixty with names of their own', () => {
    const names = new Set(badRequests.map(({ name }) => name));
    assert.ok(names.size >= 60);
    assert.equal(names.size, badRequests.length);
  });
});

for (const pace of paces) {
  describe(`refuses, ${pace}:`, { concurrency: isNode }, () => {
    for (const bad of playedAt(pace, false)) {
      it(bad.name, (context) => check(context, bad, pace));
    }
  });
}

// These take the engine's 12 s, all of them together.
describe('lets wait, then closes:', { concurrency: true }, () => {
  for (const pace of paces) {
    for (const bad of playedAt(pace, true)) {
      it(`${bad.name}, ${pace}`, (context) => check(context, bad, pace));
    }
  }
});

function playedAt(pace: Pace, isSilent: boolean): BadRequest[] {
  return badRequests.filter((bad) => {
    if (pace === 'byte by byte' && bad.onlyAtOnce !== undefined) return false;
    return (!isNode && (bad.isSilent ?? false)) === isSilent;
  });
}

async function check(context: TestContext, bad: BadRequest, pace: Pace): Promise<void> {
  const want = isNode ? nodeOutcome(bad) : { ...expected(bad, pace), hasFollower: false };
  const { handler, listener, port, reports } = await openScripted(context, answerLate, {
    settings: given(want.outcome === 408 ? 1000 : 60_000),
  });
  assert.equal(await play(port, bad, pace), want.outcome);
  const targets = handler.served.map(({ target }) => target);
  assert.equal(targets.length, want.served, `served ${targets}`);
  assert.equal(targets.includes('/smuggled'), want.hasFollower === true, `served ${targets}`);

  const honest = await honestRequest(port, { target: '/honest', method: 'POST', body: 'hello' });
  assert.equal(honest.text(), 'hello');
  for (const { exchange } of handler.refused) assert.equal(exchange.remoteAddress, '127.0.0.1');
  assert.deepEqual(reports, []);
  assert.equal(listener.exchangesRunning, 0);
  const known = handler.served.length + handler.refused.length;
  assert.equal(handler.finishedExchanges.length, known);
}

function answerLate(exchange: Exchange): void {
  setImmediate(() =>
    collect(exchange, (body, error) => {
      answer(exchange, error === null ? { body } : { status: error.failure.status });
    }),
  );
}
