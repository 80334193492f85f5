// The scenario of all comparisons, simulated or real: four backends, one of them slow, requests at random
// times. Even shares fit into the slow one at the low rate and overload it at the high rate.

import type { Algorithm } from '../../src/worker/balance/create-balancer.ts';
import type { PeerModel } from './model-peer.ts';

const SLOTS = 8;
const FAST_MS = 5;
const SLOW_MS = 60;

/** The backends: a pool of 8 each, 5 ms for a request, the last one 60 ms. */
export const BACKENDS: readonly PeerModel[] = [
  { slots: SLOTS, serviceMs: FAST_MS },
  { slots: SLOTS, serviceMs: FAST_MS },
  { slots: SLOTS, serviceMs: FAST_MS },
  { slots: SLOTS, serviceMs: SLOW_MS },
];

/** Requests per second at which a quarter is less than the slow backend can do, and more than that. */
export const RATES = { fits: 400, overloads: 1000 } as const;

/** All that can be chosen; hashes get so many different keys that they spread. */
export const ALGORITHMS: readonly Algorithm[] = [
  'power-of-two',
  'least-connections',
  'ewma',
  'round-robin',
  'random',
  'hash',
  'first',
];

/** Workers of Sluice, and in the simulation the interval of the counts between them. */
export const STUDY = { workers: 2, lagMs: 50 } as const;

/** In words, for tables. */
export const SCENARIO_TEXT =
  `four backends with ${SLOTS} slots each, three of ${FAST_MS} ms and one of ${SLOW_MS} ms; ` +
  'Poisson arrivals, latency counted from when a request was due';

/** One row of a comparison. */
export interface LatencyRow {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the requests that the slow backend got, 0–1. */
  readonly slowShare: number;
}
