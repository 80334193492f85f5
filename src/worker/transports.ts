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
  /** The upstream's peers are these from now on; absent where a change of peers makes a new pair. */
  keepOnly?(peers: readonly Peer[]): void;
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
  /** PEM texts of the certificate that peers are shown, and of its key; null for none. */
  readonly cert: string | null;
  readonly key: string | null;
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
  /** Peers of the snapshot that asked last. */
  readonly #peersOf = new WeakMap<OwnedTransports, readonly Peer[]>();

  constructor(create: (settings: TransportSettings) => OwnedTransports) {
    this.#create = create;
  }

  /** Returns the pair for an upstream; throws when a file of its TLS can't be read. */
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
      ca: textOf(config.tls.caFile),
      cert: textOf(config.tls.certFile),
      key: textOf(config.tls.keyFile),
      limits: whole.limits,
      webSocketIdleMs: whole.timeouts.webSocketIdleMs,
      workers: whole.cores,
    };
    const key = keyOf(settings);
    const transports = this.#wanted.get(key) ?? this.#active.get(key) ?? this.#create(settings);
    this.#wanted.set(key, transports);
    this.#peersOf.set(transports, peers);
    return transports;
  }

  /** The snapshot compiled since the last call is live: what it does not use is drained. */
  settle(): void {
    const before = this.#active;
    this.#active = this.#wanted;
    this.#wanted = new Map();
    for (const [key, transports] of before) if (!this.#active.has(key)) transports.drain();
    for (const transports of this.#active.values()) {
      transports.keepOnly?.(this.#peersOf.get(transports) ?? []);
    }
  }

  /** The snapshot compiled since the last `settle` will not be used. */
  discard(): void {
    for (const [key, transports] of this.#wanted) {
      if (!this.#active.has(key)) transports.drain();
    }
    this.#wanted = new Map();
  }
}

/**
 * Settings with the same key share a pair. Connections of undici belong to the pair, so that a change of
 * peers must not make a new one; of the others they do not, and each pair knows its peers in advance.
 */
function keyOf(settings: TransportSettings): string {
  const { config } = settings;
  const isFastcgi = config.peers.some(({ url }) => url.startsWith('fastcgi'));
  const isUndici = config.transport === 'undici' && !isFastcgi;
  return JSON.stringify({
    ...settings,
    peers: null,
    config: isUndici ? { ...config, peers: null } : config,
  });
}

function textOf(file: string | null): string | null {
  return file === null ? null : readFileSync(file, 'utf8');
}
