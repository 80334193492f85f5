// Makes the balancer of an upstream from its configuration: the algorithm by its name, inside the tiers.

import type { Balancer } from '../../core/balancer.ts';
import type { PeerConfig } from '../../core/peer.ts';
import { First } from './first.ts';
import type { HashKey } from './hash-key.ts';
import { LeastConnections } from './least-connections.ts';
import { Maglev } from './maglev.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PowerOfTwo } from './power-of-two.ts';
import { RandomChoice } from './random.ts';
import { Ring } from './ring.ts';
import { RoundRobin } from './round-robin.ts';
import { Tiers } from './tiers.ts';

export type Algorithm =
  | 'power-of-two'
  | 'round-robin'
  | 'random'
  | 'least-connections'
  | 'ewma'
  | 'ip-hash'
  | 'hash'
  | 'first';

export interface BalancerOptions {
  readonly algorithm: Algorithm;
  /** For `hash`. */
  readonly table: 'ring' | 'maglev';
  readonly key: HashKey;
  readonly peers: readonly PeerConfig[];
  /** Zone of this proxy. */
  readonly zone: string | null;
  readonly panicPercent: number;
  /** Workers with different numbers go round from different peers. */
  readonly turnsAhead: number;
  readonly random: () => number;
  readonly nowMs: () => number;
}

/** Returns the balancer of one upstream; with no peers it picks none. */
export function createBalancer(options: BalancerOptions): Balancer {
  return new Tiers({ ...options, create: (peers) => createAlgorithm(peers, options) });
}

/** Returns the bare algorithm over `peers`, which are at least one. */
export function createAlgorithm(
  peers: readonly PeerConfig[],
  options: Omit<BalancerOptions, 'peers' | 'zone' | 'panicPercent'>,
): Balancer {
  const { algorithm, random, nowMs } = options;
  const turnsAhead = options.turnsAhead % peers.length;
  switch (algorithm) {
    case 'power-of-two':
      return new PowerOfTwo(peers, random);
    case 'round-robin':
      return new RoundRobin(peers, turnsAhead);
    case 'random':
      return new RandomChoice(peers, random);
    case 'least-connections':
      return new LeastConnections(peers, turnsAhead);
    case 'ewma':
      return new PeakEwma(peers, random, nowMs);
    case 'ip-hash':
      // Whoever asks for the address wants one client in one place, a page's parallel requests included.
      return new Ring(peers, { by: 'address' }, Number.POSITIVE_INFINITY);
    case 'hash':
      return options.table === 'ring'
        ? new Ring(peers, options.key)
        : new Maglev(peers, options.key);
    case 'first':
      return new First(peers);
  }
}
