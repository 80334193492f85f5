// A backend server: its live state, kept apart from the configured half so that it survives a reload.

import { HeadTimes } from './head-times.ts';
import { PeakLatency } from './latency.ts';
import type { PeerAddress } from './peer-address.ts';
import { UpstreamGuard } from './upstream-guard.ts';

/** What the peers of one upstream have in common while they live. */
export class PeerGroup {
  /** Sums over the peers of the group of the fields of the same names. */
  inFlight = 0;
  inFlightElsewhere = 0;
  /** What protects the upstream as a whole. */
  readonly guard: UpstreamGuard;
  /** Counts changes of verdicts about its peers: what was made of them before is out of date. */
  version = 0;
  /** Too few peers are healthy for the verdicts to be believed: all get work (balance/tiers). */
  panics = false;
  /** Warmth with which a recovered peer begins; 1: at once back in full. */
  warmthFloor = 1;
  /** How many of its own moves a worker supposes all others together to have made unseen. */
  anticipation = 0;
  /** Who waits for room at one of the peers; null while nobody does. */
  queue: { wake(): void } | null = null;

  constructor(upstream = '') {
    this.guard = new UpstreamGuard(upstream);
  }
}

/** One peer per id in a worker; the same object across configurations as long as the id stays. */
export class Peer {
  /** Upstream name and URL, e.g. `app/http://127.0.0.1:9001`; unique and stable. */
  readonly id: string;
  readonly upstream: string;
  readonly address: PeerAddress;
  readonly group: PeerGroup;

  /** Attempts of this worker that are running now. */
  inFlight = 0;
  /** Attempts of all other workers, as last reported by the sidecar. */
  inFlightElsewhere = 0;
  /** `inFlight` when the sidecar last reported. */
  inFlightAtReport = 0;
  /** Attempts begun since this worker started. */
  attempts = 0;
  /** Attempts that failed by the peer's fault since this worker started. */
  failures = 0;
  /** Attempts whose outcome is known since this worker started, and those of them that went badly. */
  answers = 0;
  /** By the peer's fault or a status of 500 and above: what success rates are made of. */
  errors = 0;
  /** Failures by the peer's fault since its last success, for passive ejection. */
  failuresInRow = 0;
  /** Its last response that ended broke off: from now on only a complete one counts as a success. */
  isBreaking = false;
  #healthy = true;
  #draining = false;
  /** `performance.now()` when it was last told to be healthy again; 0: never was unhealthy. */
  recoveredAtMs = 0;
  /** Share of its weight that counts, from 0.1 just after a recovery to 1. */
  warmth = 1;
  /** Time to the response head, kept up where a balancer goes by it. */
  readonly latency = new PeakLatency();
  /** The same, of all attempts since this worker started that had one or timed out. */
  readonly headTimes = new HeadTimes();
  /** Its number in this worker's ledger (src/channel), -1 while it has none; written there only. */
  ledgerNumber = -1;

  constructor(id: string, upstream: string, address: PeerAddress, group = new PeerGroup(upstream)) {
    this.id = id;
    this.upstream = upstream;
    this.address = address;
    this.group = group;
  }

  /** The sidecar's (or, without one, this worker's) verdict. */
  get healthy(): boolean {
    return this.#healthy;
  }

  set healthy(healthy: boolean) {
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    this.group.version += 1;
    if (!healthy) return;
    this.recoveredAtMs = performance.now();
    this.warmth = this.group.warmthFloor;
    // Whoever waits may now be served.
    if (this.group.queue !== null) this.group.queue.wake();
  }

  /** Gets no new work, but sessions that belong to it go on. */
  get draining(): boolean {
    return this.#draining;
  }

  set draining(draining: boolean) {
    if (draining === this.#draining) return;
    this.#draining = draining;
    this.group.version += 1;
  }
}

/** The configured half: what one configuration says about a peer. */
export interface PeerConfig {
  readonly peer: Peer;
  /** Relative share of the load, at least 1. */
  readonly weight: number;
  /** Most attempts in flight, all workers together; 0 for no bound. */
  readonly connectionsMax: number;
  /** 0 is used first; higher ones take over where lower ones are too few. */
  readonly priority: number;
  readonly zone: string | null;
}

/** Returns the id of a peer, which workers and the sidecar form alike from the configuration. */
export function peerId(upstream: string, url: string): string {
  return `${upstream}/${url}`;
}
