// Which peers of an upstream an algorithm chooses from: zone before zone, priority before priority, and
// all of them in a panic. Every algorithm runs inside this.
//
//   stage 0   own zone of priority 0        Each stage contains the ones before it. The first stage whose
//   stage 1   all of priority 0             own part (what it adds, and what is named here) has enough
//   stage 2   … and own zone of priority 1  healthy peers is where picks start. What its peers can't take
//   stage 3   … and all of priority 1       (tried, or full) goes to the stages behind it, in order.
//
// Enough is: one healthy peer at least, and a share of `panicPercent` of the part's peers. Peers that
// drain are not counted and get nothing. When no part has enough, verdicts are not believed any more: all
// peers that do not drain are used, healthy or not (panic). With `panicPercent` 0 there is no panic, and
// one healthy peer is enough.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig, PeerGroup } from '../../core/peer.ts';

export interface TiersOptions {
  /** All peers of one upstream. */
  readonly peers: readonly PeerConfig[];
  /** Zone of this proxy. */
  readonly zone: string | null;
  readonly panicPercent: number;
  /** Makes the algorithm over some of the peers, at least one; called once per stage in use. */
  readonly create: (peers: readonly PeerConfig[]) => Balancer;
}

interface Stage {
  readonly peers: readonly PeerConfig[];
  /** What decides whether the stage has enough. */
  readonly part: readonly PeerConfig[];
  balancer: Balancer | null;
}

export class Tiers implements Balancer {
  readonly #options: TiersOptions;
  readonly #group: PeerGroup | null;
  readonly #stages: Stage[];
  /** Version of the group for which the stage was chosen. */
  #version = -1;
  /** Where picks start; the number of stages when nobody may get work. */
  #start = 0;

  constructor(options: TiersOptions) {
    this.#options = options;
    this.#group = options.peers[0]?.peer.group ?? null;
    this.#stages = stagesOf(options);
  }

  pick(exchange: Exchange): Peer | null {
    const group = this.#group;
    if (group === null) return null;
    if (group.version !== this.#version) this.#choose(group);
    for (let at = this.#start; at < this.#stages.length; at++) {
      const peer = this.#balancerOf(this.#stages[at]!).pick(exchange);
      if (peer !== null) return peer;
    }
    return null;
  }

  #balancerOf(stage: Stage): Balancer {
    stage.balancer ??= this.#options.create(stage.peers);
    return stage.balancer;
  }

  /** Runs when a verdict has changed, never per pick. */
  #choose(group: PeerGroup): void {
    const { panicPercent } = this.#options;
    const enough = this.#stages.findIndex(({ part }) => hasEnough(part, panicPercent));
    const panics = enough === -1 && panicPercent > 0;
    if (group.panics !== panics) {
      group.panics = panics;
      // What algorithms derived from verdicts depends on it.
      group.version += 1;
    }
    this.#start = enough === -1 ? Math.max(0, this.#stages.length - 1) : enough;
    this.#version = group.version;
  }
}

function hasEnough(part: readonly PeerConfig[], panicPercent: number): boolean {
  let healthy = 0;
  let counted = 0;
  for (const { peer } of part) {
    if (peer.draining) continue;
    counted += 1;
    if (peer.healthy) healthy += 1;
  }
  return healthy > 0 && healthy * 100 >= panicPercent * counted;
}

function stagesOf({ peers, zone }: TiersOptions): Stage[] {
  const stages: Stage[] = [];
  const priorities = [...new Set(peers.map(({ priority }) => priority))].sort((a, b) => a - b);
  let before: readonly PeerConfig[] = [];
  for (const priority of priorities) {
    const tier = peers.filter((config) => config.priority === priority);
    const own = zone === null ? [] : tier.filter((config) => config.zone === zone);
    if (own.length > 0 && own.length < tier.length) {
      stages.push({ peers: [...before, ...own], part: own, balancer: null });
    }
    before = [...before, ...tier];
    stages.push({ peers: before, part: tier, balancer: null });
  }
  return stages;
}
