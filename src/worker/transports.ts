// The transports of this worker: one pair per upstream, kept while its settings stay the same, drained
// when no configuration uses it any more.

import { readFileSync } from 'node:fs';
import type { Config, UpstreamConfig } from '../config/schema.ts';
import type { Peer } from '../core/peer.ts';
import type { Tunnel } from '../core/tunnel.ts';
import type { Upstream } from '../core/upstream.ts';

/** What carries the exchanges of one upstream. */
export interface Transports {
  readonly http: Upstream;
  readonly tunnel: Tunnel;
}

/** A pair with an end; made by `createTransports`. */
export interface OwnedTransports extends Transports {
  /** Finishes what runs and closes what is idle. */
  drain(): void;
}

/** Everything that a pair depends on; bounds are this worker's share. */
export interface TransportSettings {
  readonly upstream: string;
  readonly config: UpstreamConfig;
  readonly peers: readonly Peer[];
  /** PEM text of the authorities to trust, or null for the system's own. */
  readonly ca: string | null;
  readonly limits: Config['limits'];
  readonly webSocketIdleMs: number;
  /** Workers that share the upstream's bounds. */
  readonly workers: number;
}

export class TransportRegistry {
  readonly #create: (settings: TransportSettings) => OwnedTransports;
  #active = new Map<string, OwnedTransports>();
  /** Asked for since the last `settle`. */
  #wanted = new Map<string, OwnedTransports>();

  constructor(create: (settings: TransportSettings) => OwnedTransports) {
    this.#create = create;
  }

  /** Returns the pair for an upstream; throws when its CA file can't be read. */
  transportsFor(
    upstream: string,
    peers: readonly Peer[],
    config: UpstreamConfig,
    whole: Config,
  ): Transports {
    const settings: TransportSettings = {
      upstream,
      config,
      peers,
      ca: config.tls.caFile === null ? null : readFileSync(config.tls.caFile, 'utf8'),
      limits: whole.limits,
      webSocketIdleMs: whole.timeouts.webSocketIdleMs,
      workers: whole.cores,
    };
    const key = JSON.stringify({ ...settings, peers: null });
    const transports = this.#wanted.get(key) ?? this.#active.get(key) ?? this.#create(settings);
    this.#wanted.set(key, transports);
    return transports;
  }

  /** The snapshot compiled since the last call is live: what it does not use is drained. */
  settle(): void {
    const before = this.#active;
    this.#active = this.#wanted;
    this.#wanted = new Map();
    for (const [key, transports] of before) if (!this.#active.has(key)) transports.drain();
  }

  /** The snapshot compiled since the last `settle` will not be used. */
  discard(): void {
    for (const [key, transports] of this.#wanted) {
      if (!this.#active.has(key)) transports.drain();
    }
    this.#wanted = new Map();
  }
}
