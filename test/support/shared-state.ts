// A hub on a real socket and workers' links to it, for tests of the shared state.

import { createServer, type Server } from 'node:net';
import {
  SidecarLink,
  type SidecarLinkOptions,
  sidecarSocketPath,
} from '../../src/channel/client.ts';
import type { UpstreamSpec } from '../../src/channel/shared-state.ts';
import type { Events } from '../../src/core/events.ts';
import { Peer, PeerGroup } from '../../src/core/peer.ts';
import { Hub, type HubOptions, type LinkedWorker } from '../../src/sidecar/hub.ts';
import type { Cleanup } from './deadline.ts';

export const noEvents: Events = { debug() {}, info() {}, warn() {}, error() {} };

export interface HubBench {
  readonly hub: Hub;
  readonly left: LinkedWorker[];
  close(): Promise<void>;
}

/** Listens where workers of `runDirectory` look for their sidecar. */
export async function startHub(
  runDirectory: string,
  specs: readonly UpstreamSpec[],
  context: Cleanup,
  options: Partial<HubOptions> = {},
): Promise<HubBench> {
  const left: LinkedWorker[] = [];
  const hub = new Hub({ events: noEvents, onLeave: (worker) => left.push(worker), ...options });
  hub.install(specs);
  const server: Server = createServer((socket) => hub.accept(socket));
  await new Promise<void>((resolve) => server.listen(sidecarSocketPath(runDirectory), resolve));
  const close = () => {
    hub.close();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  context.after(close);
  return { hub, left, close };
}

export interface WorkerBench {
  readonly link: SidecarLink;
  readonly peers: readonly Peer[];
}

/** Links a worker that knows the peers of `specs`. */
export function linkWorker(
  runDirectory: string,
  specs: readonly UpstreamSpec[],
  context: Cleanup,
  options: Partial<SidecarLinkOptions> = {},
): WorkerBench {
  const link = new SidecarLink({ runDirectory, slot: 0, onScrape: () => null, ...options });
  const peers = specs.flatMap(({ name, peers: ids }) => {
    const group = new PeerGroup(name);
    return ids.map((id) => makePeer(id, name, group));
  });
  link.install(specs, peers);
  context.after(() => link.close());
  return { link, peers };
}

/** Makes a peer that nobody listens at. */
export function makePeer(id: string, upstream: string, group = new PeerGroup(upstream)): Peer {
  const address = { scheme: 'http', hostname: 'h', port: 1, authority: 'h:1', path: null } as const;
  return new Peer(id, upstream, address, group);
}

/** The settings of an upstream, as in a configuration, whose peers nobody checks or compares. */
export const noWatch = {
  active: { type: 'off', fall: 3, rise: 2, intervalMs: 5000, downIntervalMs: 1000 },
  outlier: { enabled: false, deviations: 1.9, peersMin: 5, requestsMin: 100, windowMs: 10_000 },
  breaker: {
    enabled: false,
    windowMs: 10_000,
    requestsMin: 20,
    errorPercent: 50,
    openMs: 10_000,
    rampMs: 10_000,
  },
} as const;

/** Names an upstream of `count` peers with quick ejections. */
export function specOf(count: number, baseMs = 300): UpstreamSpec {
  return {
    name: 'app',
    peers: Array.from({ length: count }, (_, at) => `app/${at}`),
    ejection: { failuresInRow: 5, baseMs, maxMs: 10_000 },
    checks: { fall: 3, rise: 2 },
    outlier: null,
    breaker: null,
  };
}
