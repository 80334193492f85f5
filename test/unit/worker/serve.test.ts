// The way of one exchange before it is sent: as of when the cache is asked.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { RequestFilter, Verdict } from '../../../src/core/filter.ts';
import type { Router } from '../../../src/routing/router.ts';
import { safeTargetPolicy } from '../../../src/routing/target-policy.ts';
import type { ForwardContext } from '../../../src/worker/forward.ts';
import { Overload } from '../../../src/worker/overload.ts';
import { Server } from '../../../src/worker/serve.ts';
import type { Snapshot } from '../../../src/worker/snapshot.ts';
import { makeExchange, makePlan } from './support/exchanges.ts';

const nothing = () => {};
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Serves one exchange by a plan with that filter; returns it, and what the cache is asked. */
function serve(verdict: () => Verdict): { exchange: Exchange; looks: number[] } {
  const looks: number[] = [];
  const filter: RequestFilter = { name: 'test', apply: verdict };
  const cache = {
    serve: (exchange: Exchange) => {
      looks.push(exchange.wentOnAtMs);
      return true;
    },
    attach: (exchange: Exchange) => exchange.client,
  };
  const plan = makePlan({ filters: [filter], cache });
  const server = new Server({
    context: { exchangesRunning: 0 } as ForwardContext,
    ids: { next: () => 'id', isValid: () => true },
    recorder: { wantsAddress: false, record: nothing },
    overload: new Overload({ events: SILENT, inFlight: () => 0 }),
  });
  server.install({
    router: { find: () => plan } as unknown as Router<typeof plan>,
    jsonBodies: null,
    errorPages: null,
    targetPolicy: safeTargetPolicy,
    proofTokens: null,
    trust: { trustsAnybody: false },
  } as Snapshot);
  const exchange = makeExchange();
  server.serve(exchange);
  return { exchange, looks };
}

/** Holds the monotonic clock. */
function heldClock(test: TestContext): { ms: number } {
  const clock = { ms: 1000 };
  test.mock.method(performance, 'now', () => clock.ms);
  return clock;
}

describe('an exchange', () => {
  it('that passes at once is looked up as of its start', (test) => {
    heldClock(test);
    const { exchange, looks } = serve(() => undefined);
    assert.deepEqual(looks, [exchange.startedAtMs]);
  });

  it('that a filter held up is looked up as of when it went on', async (test) => {
    const clock = heldClock(test);
    let goOn = nothing;
    const held = new Promise<undefined>((resolve) => {
      goOn = () => resolve(undefined);
    });
    const { exchange, looks } = serve(() => held);
    clock.ms += 30_000;
    goOn();
    await held;
    assert.deepEqual(looks, [31_000]);
    assert.equal(exchange.startedAtMs, 1000);
  });
});
