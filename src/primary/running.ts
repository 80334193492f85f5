// What runs: the configuration as it was loaded, and what is laid over it. Both change together with what
// the children have, and only in a turn of `turns`.

import type { Config } from '../config/schema.ts';
import type { Fleet } from './fleet.ts';
import { applyOverlay, type Overlay } from './overlay.ts';
import type { RolloutOutcome } from './rollout.ts';
import { Turns } from './turns.ts';

/** A rollout that lost a child by chance is tried so often in all. */
const ATTEMPTS_MAX = 2;

/** A configuration with settled ports, and its overlay. */
export interface Layers {
  readonly config: Config;
  readonly overlay: Overlay;
}

export class Running {
  readonly turns = new Turns();
  readonly #fleet: Pick<Fleet, 'active' | 'rollOut'>;
  #layers: Layers;

  /** `layers` is what the fleet starts with. */
  constructor(fleet: Pick<Fleet, 'active' | 'rollOut'>, layers: Layers) {
    this.#fleet = fleet;
    this.#layers = layers;
  }

  get layers(): Layers {
    return this.#layers;
  }

  /** Number of the version that every child has. */
  get version(): number {
    return this.#fleet.active.version;
  }

  /** The effective configuration that every child has. */
  get effective(): Config {
    return this.#fleet.active.config;
  }

  /** Keeps an overlay that makes no difference to what the children have. */
  note(overlay: Overlay): void {
    this.#layers = { ...this.#layers, overlay };
  }

  /** Makes `next` live in all children or in none; what was stays when the outcome is not `done`. */
  async rollOut(next: Layers): Promise<RolloutOutcome> {
    const effective = applyOverlay(next.config, next.overlay);
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#fleet.rollOut(effective);
      if (outcome.kind === 'done') this.#layers = next;
      if (outcome.kind !== 'lost' || attempt >= ATTEMPTS_MAX) return outcome;
    }
  }
}
