// The names of a configuration (`discovery.dns`), each watched as long as the configuration has it.

import type { PeerSettings } from '../../config/live-peer.ts';
import type { Config } from '../../config/schema.ts';
import type { Events } from '../../core/events.ts';
import type { Timers } from '../../std/timers.ts';
import { type DnsState, DnsWatch } from './dns-watch.ts';

export interface DiscoveryOptions {
  readonly timers: Timers;
  readonly events: Events;
  /** Hands over the peers of an upstream; false when they could not be used. */
  readonly onPeers: (upstream: string, peers: readonly PeerSettings[]) => Promise<boolean>;
  /** Whether an upstream has peers from DNS now. */
  readonly hasPeers: (upstream: string) => boolean;
}

interface Watched {
  readonly key: string;
  readonly watch: DnsWatch;
}

export class Discovery {
  readonly #options: DiscoveryOptions;
  /** By upstream. */
  readonly #watched = new Map<string, Watched>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Watches the names of these upstreams and no others; those that stay the same go on. */
  follow(upstreams: Config['upstreams']): void {
    for (const name of this.#watched.keys()) {
      if (!Object.hasOwn(upstreams, name)) this.#forget(name);
    }
    for (const [upstream, { discovery }] of Object.entries(upstreams)) {
      const { dns, scheme, servers, ttlMinMs, ttlMaxMs } = discovery;
      const key = JSON.stringify([dns, scheme, servers, ttlMinMs, ttlMaxMs]);
      if (this.#watched.get(upstream)?.key === key) continue;
      this.#forget(upstream);
      if (dns === null) continue;
      const { timers, events, onPeers, hasPeers } = this.#options;
      const watch = new DnsWatch({
        ...{ upstream, dns, scheme, servers, ttlMinMs, ttlMaxMs, timers, events },
        onPeers: (peers) => onPeers(upstream, peers),
        hasPeers: () => hasPeers(upstream),
      });
      this.#watched.set(upstream, { key, watch });
    }
  }

  /** Returns how the name of an upstream does; null when it has none. */
  stateOf(upstream: string): DnsState | null {
    return this.#watched.get(upstream)?.watch.state ?? null;
  }

  close(): void {
    for (const name of this.#watched.keys()) this.#forget(name);
  }

  #forget(upstream: string): void {
    this.#watched.get(upstream)?.watch.close();
    this.#watched.delete(upstream);
  }
}
