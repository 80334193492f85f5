// A transport with its pools for unit tests; what a test does not name is roomy.

import type { TestContext } from 'node:test';
import type { RequestHead } from '../../../../../src/core/exchange.ts';
import type { Peer } from '../../../../../src/core/peer.ts';
import type { Clock } from '../../../../../src/std/clock.ts';
import type { Http1Options } from '../../../../../src/worker/upstream/http1/options.ts';
import { Http1Pools } from '../../../../../src/worker/upstream/http1/pools.ts';
import {
  createHttp1Upstream,
  type Http1Upstream,
} from '../../../../../src/worker/upstream/http1/upstream.ts';
import { ROOMY, type Sent } from '../../../../contract/upstream/stage.ts';
import { RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';

export function options(parts: Partial<Http1Options> = {}): Http1Options {
  return { ...ROOMY, pipelining: 1, ...parts };
}

/** Creates pools that end with the test. */
export function createPools(context: TestContext, clock?: Clock): Http1Pools {
  const pools = new Http1Pools({ sweepMs: 10, ...(clock === undefined ? {} : { clock }) });
  context.after(() => pools.close());
  return pools;
}

export function createUpstream(
  pools: Http1Pools,
  parts: Partial<Http1Options> = {},
  peers: readonly Peer[] = [],
): Http1Upstream {
  return createHttp1Upstream({ ...options(parts), peers }, pools);
}

export function send(
  upstream: Http1Upstream,
  peer: Peer,
  head: Partial<RequestHead> | string = {},
): Sent {
  const parts = typeof head === 'string' ? { target: head } : head;
  const exchange = makeExchange({ headers: [], ...parts });
  const attempt = new RecordingAttempt();
  upstream.send(exchange, peer, attempt);
  return { exchange, attempt };
}

export async function fetch(
  upstream: Http1Upstream,
  peer: Peer,
  head: Partial<RequestHead> | string = {},
): Promise<Sent> {
  const sent = send(upstream, peer, head);
  await sent.attempt.over();
  return sent;
}
