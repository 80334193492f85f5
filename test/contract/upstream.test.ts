// Runs the contract of transports over all of them.

import { Http1Pools } from '../../src/worker/upstream/http1/pools.ts';
import { createHttp1Upstream } from '../../src/worker/upstream/http1/upstream.ts';
import { createUndiciUpstream } from '../../src/worker/upstream/undici/undici-upstream.ts';
import { upstreamContract } from './upstream.contract.ts';

upstreamContract('http1', (settings) => {
  const pools = new Http1Pools({ sweepMs: 20 });
  const upstream = createHttp1Upstream({ ...settings, pipelining: 1, peers: [] }, pools);
  return { upstream, close: () => pools.close() };
});

upstreamContract('http1 with pipelining', (settings) => {
  const pools = new Http1Pools({ sweepMs: 20 });
  const upstream = createHttp1Upstream({ ...settings, pipelining: 8, peers: [] }, pools);
  return { upstream, close: () => pools.close() };
});

upstreamContract('undici', (settings) => {
  const upstream = createUndiciUpstream(settings);
  return { upstream, close: () => upstream.close() };
});
