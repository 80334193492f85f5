// Discrete-event simulation of balancing: virtual time, a seed, the real balancers of src/worker/balance
// and, between several workers, the real shared counts with a chosen interval of batches.

import { Exchange } from '../../src/core/exchange.ts';
import {
  type Peer,
  type PeerConfig,
  PeerGroup,
  Peer as PeerOfWorker,
} from '../../src/core/peer.ts';
import { type Algorithm, createBalancer } from '../../src/worker/balance/create-balancer.ts';
import { createSeededRandom } from '../../test/support/random.ts';
import { EventQueue } from './event-queue.ts';
import { ModelPeer, type PeerModel } from './model-peer.ts';
import { SharedCounts } from './shared-counts.ts';

export interface Simulation {
  readonly seed: number;
  readonly algorithm: Algorithm;
  readonly peers: readonly PeerModel[];
  readonly workers: number;
  /** Interval of batches at workers and sidecar; 0: every worker knows all counts at once. */
  readonly lagMs: number;
  /** See SharedCounts; 0 (default) is what Sluice does. */
  readonly anticipation?: number;
  /** `open`: Poisson arrivals per ms; `closed`: so many clients, each asks again at once. */
  readonly load: { readonly open: number } | { readonly closed: number };
  /** Times of work: exponential (default) or fixed. */
  readonly service?: 'exponential' | 'fixed';
  /** Requests that count, after a tenth of them as warm-up. */
  readonly requests: number;
}

/** Latencies and the waiting part of them, in ms, ascending; and who got how many requests. */
export interface SimulationResult {
  readonly latencyMs: Float64Array;
  readonly queuedMs: Float64Array;
  readonly byPeer: readonly number[];
}

interface Worker {
  readonly peers: readonly Peer[];
  readonly pick: (exchange: Exchange) => Peer;
}

const CLIENTS = 256;
const UPSTREAM = 'app';

/** Runs to the end; equal simulations give equal results. */
export function simulate(simulation: Simulation): SimulationResult {
  const random = createSeededRandom(simulation.seed);
  const events = new EventQueue();
  const exponential = (meanMs: number) => -Math.log(1 - random.next()) * meanMs;
  const service = simulation.service === 'fixed' ? (meanMs: number) => meanMs : exponential;
  const backends = simulation.peers.map((model) => new ModelPeer(events, model, service));
  // With every count known at once all workers are one: that is the ideal to compare with.
  const isIdeal = simulation.lagMs === 0 || simulation.workers === 1;
  const counts = isIdeal
    ? null
    : new SharedCounts(events, {
        intervalMs: simulation.lagMs,
        anticipation: simulation.anticipation ?? 0.5,
        upstream: UPSTREAM,
      });
  const shared = isIdeal ? createPeers(simulation.peers.length) : null;
  const workers = Array.from({ length: simulation.workers }, (_, slot): Worker => {
    const configs = shared ?? createPeers(simulation.peers.length);
    const peers = configs.map((config) => config.peer);
    counts?.join(peers);
    return { peers, pick: createPick({ simulation, configs, slot, events, random: random.next }) };
  });

  const warmUp = Math.floor(simulation.requests / 10);
  const latencyMs = new Float64Array(simulation.requests);
  const queuedMs = new Float64Array(simulation.requests);
  const byPeer = simulation.peers.map(() => 0);
  let begun = 0;
  let counted = 0;

  const ask = (slot: number, client: number, done: () => void): void => {
    const worker = workers[slot]!;
    const number = begun - warmUp;
    begun += 1;
    const peer = worker.pick(EXCHANGES[client % CLIENTS]!);
    const at = worker.peers.indexOf(peer);
    const beganAtMs = events.nowMs;
    move(peer, 1);
    counts?.touched(slot, peer);
    backends[at]!.take((queued) => {
      const tookMs = events.nowMs - beganAtMs;
      move(peer, -1);
      peer.latency.add(tookMs, events.nowMs);
      counts?.touched(slot, peer);
      // Counted by number of the request, not by order of the answers: slow ones must not fall out.
      if (number >= 0 && number < simulation.requests) {
        latencyMs[number] = tookMs;
        queuedMs[number] = queued;
        byPeer[at]! += 1;
        counted += 1;
      }
      done();
    });
  };

  if ('open' in simulation.load) {
    const gapMs = 1 / simulation.load.open;
    const arrive = (): void => {
      ask(random.below(workers.length), random.below(CLIENTS), () => {});
      events.after(exponential(gapMs), arrive);
    };
    arrive();
  } else {
    for (let client = 0; client < simulation.load.closed; client++) {
      const again = (): void => ask(client % workers.length, client, again);
      events.after(random.next(), again);
    }
  }
  while (counted < simulation.requests && events.step());
  return { latencyMs: latencyMs.sort(), queuedMs: queuedMs.sort(), byPeer };
}

/** Returns the value below which `share` (0–1) of the ascending `values` lie. */
export function quantileOf(values: Float64Array, share: number): number {
  return values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
}

function createPick(of: {
  simulation: Simulation;
  configs: readonly PeerConfig[];
  slot: number;
  events: EventQueue;
  random: () => number;
}): Worker['pick'] {
  const balancer = createBalancer({
    algorithm: of.simulation.algorithm,
    table: 'ring',
    key: { by: 'address' },
    peers: of.configs,
    zone: null,
    panicPercent: 50,
    turnsAhead: of.slot,
    random: of.random,
    nowMs: () => of.events.nowMs,
  });
  return (exchange) => {
    const peer = balancer.pick(exchange);
    if (peer === null) throw new Error('no peer was picked, though all are healthy');
    return peer;
  };
}

function move(peer: Peer, by: 1 | -1): void {
  peer.inFlight += by;
  peer.group.inFlight += by;
}

function createPeers(count: number): PeerConfig[] {
  const group = new PeerGroup(UPSTREAM);
  return Array.from({ length: count }, (_, at) => {
    const hostname = `10.1.0.${at + 1}`;
    const address = {
      scheme: 'http',
      hostname,
      port: 80,
      authority: hostname,
      path: null,
    } as const;
    const peer = new PeerOfWorker(`${UPSTREAM}/http://${hostname}`, UPSTREAM, address, group);
    return { peer, weight: 1, connectionsMax: 0, priority: 0, zone: null };
  });
}

const EXCHANGES = Array.from({ length: CLIENTS }, (_, at) => {
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/',
    host: 'example.com',
    headers: [],
    remoteAddress: `192.0.2.${at}`,
    body: null,
    webSocket: null,
  } as const;
  return new Exchange(
    { ...head, headers: [] },
    { start() {}, write: () => true, end() {}, fail() {} },
    0,
  );
});
