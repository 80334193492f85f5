// Plain exchanges and plans for unit tests of the phases; what a test does not name has a dull value.

import { Exchange, type RequestHead } from '../../../../src/core/exchange.ts';
import type { PeerConfig } from '../../../../src/core/peer.ts';
import { Peer, PeerGroup } from '../../../../src/core/peer.ts';
import type { Plan } from '../../../../src/core/plan.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';

/** Collects what a client would get. */
export class RecordingSink implements Sink {
  source: Source | null = null;
  bytes = '';
  state: 'idle' | 'started' | 'ended' | 'failed' = 'idle';

  start(source: Source): void {
    this.source = source;
    this.state = 'started';
  }
  write(chunk: Uint8Array): boolean {
    this.bytes += Buffer.from(chunk).toString('latin1');
    return true;
  }
  end(): void {
    this.state = 'ended';
  }
  fail(): void {
    this.state = 'failed';
  }
}

export function makeExchange(head: Partial<RequestHead> = {}, client?: Sink): Exchange {
  const complete: RequestHead = {
    entry: { listener: 'http-80', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/',
    host: 'example.com',
    headers: ['host', head.host ?? 'example.com'],
    remoteAddress: '192.0.2.7',
    body: null,
    webSocket: null,
    ...head,
  };
  return new Exchange(complete, client ?? new RecordingSink(), performance.now());
}

export function makePeers(...weights: number[]): PeerConfig[] {
  const group = new PeerGroup();
  return weights.map((weight, at) => ({
    weight,
    connectionsMax: 0,
    priority: 0,
    zone: null,
    peer: new Peer(
      `app/10.0.0.${at + 1}:80`,
      'app',
      {
        scheme: 'http',
        hostname: `10.0.0.${at + 1}`,
        port: 80,
        path: null,
        authority: `10.0.0.${at + 1}`,
      },
      group,
    ),
  }));
}

const unused = {
  send(): void {
    throw new Error('not used in this test');
  },
};

export function makePlan(parts: Partial<Plan> = {}): Plan {
  return {
    route: 'test',
    routeIndex: 0,
    filters: null,
    split: null,
    session: null,
    balancer: { pick: () => null },
    queue: null,
    priority: 0,
    samplesLatency: false,
    mirror: null,
    upstream: unused,
    tunnel: unused,
    retry: null,
    failingStatuses: null,
    breaker: null,
    hedging: null,
    cache: null,
    requestHead: {
      hostHeader: 'client',
      trust: { trustsAnybody: false, has: () => false },
      forwarded: 'both',
      via: null,
      edits: null,
    },
    peerStages: null,
    clientStages: null,
    responseHead: { remove: new Set(['server']), via: null },
    requestBodyBytesMax: 0,
    errorPages: null,
    answerEdits: null,
    ...parts,
  };
}
