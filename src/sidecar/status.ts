// What the admin server says about the whole: alive, ready and why not, and everything at a glance.

import type { LinkCounters } from '../channel/link.ts';
import type { LinkedWorker } from './hub.ts';
import type { SharedPeer } from './shared-view.ts';

/** The sidecar at one moment. */
export interface Overview {
  /** Version of the active configuration, -1 before the first. */
  readonly version: number;
  /** Workers that the active configuration wants. */
  readonly cores: number;
  readonly draining: boolean;
  readonly workers: readonly LinkedWorker[];
}

/** Returns why Sluice should get no traffic now; empty when it should. */
export function unreadyReasons({ version, cores, draining, workers }: Overview): string[] {
  if (draining) return ['Sluice is stopping.'];
  if (version < 0) return ['No configuration is active yet.'];
  const reasons: string[] = [];
  for (let slot = 0; slot < cores; slot++) {
    const linked = workers.filter((worker) => worker.slot === slot);
    if (linked.length === 0) reasons.push(`Worker ${slot} is not linked.`);
    else if (linked.every((worker) => worker.draining)) reasons.push(`Worker ${slot} is draining.`);
    else if (!linked.some((worker) => worker.version === version && !worker.draining)) {
      reasons.push(`Worker ${slot} does not serve configuration ${version} yet.`);
    }
  }
  return reasons;
}

/** Returns the data of /api/status. */
export function statusReport(
  overview: Overview,
  peers: readonly SharedPeer[],
  links: LinkCounters,
): Record<string, unknown> {
  const upstreams: Record<string, { peers: unknown[] }> = Object.create(null);
  for (const { upstream, ...peer } of peers) {
    upstreams[upstream] ??= { peers: [] };
    upstreams[upstream].peers.push(peer);
  }
  return {
    version: overview.version,
    ready: unreadyReasons(overview).length === 0,
    draining: overview.draining,
    cores: overview.cores,
    workers: overview.workers.map(({ slot, pid, version, draining }) => ({
      slot,
      pid,
      version,
      draining,
    })),
    upstreams,
    links,
  };
}
