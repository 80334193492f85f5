// What an attempt says about its peer: a response that breaks off is a failure, whatever its head said.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { PeerReports } from '../../../src/worker/hold.ts';
import { noteBody, noteBreak, noteHead } from '../../../src/worker/outcome.ts';
import { makeExchange, makePeers, RecordingSink } from './support/exchanges.ts';

const bodyBroken = new ProxyError('body_broken');

/** An exchange with a peer, and what the shared state hears. */
function scene(status = 200) {
  const told: string[] = [];
  const reports: PeerReports = {
    touched() {},
    succeeded: () => told.push('good'),
    failed: () => told.push('bad'),
    erred() {},
  };
  const exchange = makeExchange({}, new RecordingSink());
  exchange.peer = makePeers(1)[0]!.peer;
  exchange.status = status;
  return { exchange, reports, told };
}

describe('the outcome of an attempt', () => {
  it('is good with its head', () => {
    const { exchange, reports, told } = scene();
    noteHead(exchange, reports);
    noteBody(exchange, reports);
    assert.deepEqual(told, ['good']);
  });

  it('is a row of failures when every response breaks off', () => {
    const { exchange, reports, told } = scene();
    noteHead(exchange, reports);
    for (let turn = 0; turn < 3; turn += 1) {
      noteBreak(exchange, bodyBroken, reports);
      noteHead(exchange, reports);
    }
    assert.deepEqual(told, ['good', 'bad', 'bad', 'bad']);
  });

  it('ends that row with a complete response, not with a complete failure', () => {
    const { exchange, reports, told } = scene();
    noteBreak(exchange, bodyBroken, reports);
    exchange.status = 503;
    noteHead(exchange, reports);
    noteBody(exchange, reports);
    assert.deepEqual(told, ['bad', 'bad']);
    exchange.status = 200;
    noteHead(exchange, reports);
    noteBody(exchange, reports);
    noteHead(exchange, reports);
    assert.deepEqual(told, ['bad', 'bad', 'good', 'good']);
  });
});
