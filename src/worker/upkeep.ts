// What follows a configuration besides its plans: draining, slow start, the bounds of queues; and what
// has to be looked after now and then.

import { WarmUp } from './balance/warm-up.ts';
import { queueSettings } from './compile-upstream.ts';
import type { Queues } from './queues.ts';
import type { Snapshot } from './snapshot.ts';

const LOOK_MS = 250;

export class Upkeep {
  readonly #queues: Queues;
  readonly #warmUp = new WarmUp();
  readonly #timer: NodeJS.Timeout;

  constructor(queues: Queues) {
    this.#queues = queues;
    this.#timer = setInterval(() => this.#look(performance.now()), LOOK_MS);
    this.#timer.unref();
  }

  /** The snapshot is live from now on. */
  install({ upstreams, config }: Snapshot): void {
    for (const upstream of upstreams) {
      for (const [at, { draining }] of upstream.config.peers.entries()) {
        upstream.peers[at]!.peer.draining = draining;
      }
      upstream.queue?.configure(queueSettings(upstream.config, upstream.peers, config.cores));
    }
    this.#warmUp.install(
      upstreams.map(({ peers, config: { slowStart } }) => ({
        peers: peers.map(({ peer }) => peer),
        ...slowStart,
      })),
    );
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(nowMs: number): void {
    this.#warmUp.tick(nowMs);
    this.#queues.sweep(nowMs);
  }
}
