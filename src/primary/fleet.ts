// All children of the primary: one sidecar and a worker per slot, their start, reload, resize and end.

import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { Timers } from '../std/timers.ts';
import type { Fork } from './child.ts';
import {
  Keeper,
  type KeeperLimits,
  type KeeperReports,
  type KeeperSurroundings,
  type Version,
} from './keeper.ts';
import { Rollout, type RolloutOutcome } from './rollout.ts';

/** Time for the sidecar to end after the last worker, in ms. */
const SIDECAR_DRAIN_MS = 1000;

export interface FleetOptions {
  readonly fork: Fork;
  readonly timers: Timers;
  readonly events: Events;
  readonly config: Config;
  readonly limits: KeeperLimits;
  /** Limit of each phase of a rollout in ms. */
  readonly rolloutPhaseMs: number;
  /** What the sidecar asks for; without it nothing is answered. */
  readonly onRequest?: KeeperReports['onRequest'];
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #sidecar: Keeper;
  /** By slot. */
  readonly #workers: Keeper[] = [];
  /** Workers that drain because of fewer cores; their slots are free again when they are gone. */
  readonly #leaving = new Map<Keeper, Promise<void>>();
  #active: Version;
  /** The last number given out; numbers of failed rollouts are not used again. */
  #lastVersion = 1;
  #rollout: Rollout | null = null;
  #isEnding = false;
  /** Settles with null when every child is ready after `start`, or with why one can't be. */
  readonly started: Promise<string | null>;
  #settleStart: (problem: string | null) => void = () => {};
  /** Children that have not been ready since the start; null once it is over. */
  #pending: Set<Keeper> | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#active = { version: 1, config: options.config };
    this.#sidecar = this.#keeper({ kind: 'sidecar' });
    this.started = new Promise((resolve) => {
      this.#settleStart = resolve;
    });
  }

  /** The configuration that every child has, or is about to have, live. */
  get active(): Version {
    return this.#active;
  }

  get size(): number {
    return this.#workers.length;
  }

  /** Starts every child and returns `started`; only once. */
  start(): Promise<string | null> {
    for (let slot = 0; slot < this.#active.config.cores; slot += 1) {
      this.#workers.push(this.#keeper({ kind: 'worker', slot }));
    }
    const all = [this.#sidecar, ...this.#workers];
    this.#pending = new Set(all);
    for (const keeper of all) keeper.start();
    return this.started;
  }

  /** Makes `config` live everywhere or nowhere, then changes the number of workers. One at a time. */
  async rollOut(config: Config): Promise<RolloutOutcome> {
    if (this.#isEnding) return { kind: 'lost', who: 'primary', problems: ['it is stopping'] };
    this.#lastVersion += 1;
    const next: Version = { version: this.#lastVersion, config };
    const keepers = [this.#sidecar, ...this.#workers].filter((keeper) => keeper.isServing);
    this.#rollout = new Rollout({
      next,
      keepers,
      timers: this.#options.timers,
      phaseMs: this.#options.rolloutPhaseMs,
      commit: () => {
        this.#active = next;
      },
    });
    this.#rollout.begin();
    const outcome = await this.#rollout.outcome;
    this.#rollout = null;
    if (outcome.kind === 'done' && !this.#isEnding) this.#resize();
    return outcome;
  }

  /** Lets every child finish, the sidecar last; what is not done in `drainMs` is cut. */
  async drain(drainMs: number): Promise<void> {
    this.#isEnding = true;
    this.#rollout?.abandon('the primary is stopping');
    this.#finishStart('told to stop while starting');
    const workers = [...this.#workers, ...this.#leaving.keys()];
    await Promise.all(workers.map((worker) => worker.drain(drainMs)));
    await this.#sidecar.drain(SIDECAR_DRAIN_MS);
  }

  /** Kills every child at once. */
  stop(): void {
    this.#isEnding = true;
    this.#rollout?.abandon('the primary is stopping');
    const workers = [...this.#workers, ...this.#leaving.keys()];
    for (const keeper of [...workers, this.#sidecar]) keeper.stop();
  }

  #resize(): void {
    const { cores, timeouts } = this.#active.config;
    for (const worker of this.#workers.splice(cores)) this.#retire(worker, timeouts.drainMs);
    for (let slot = this.#workers.length; slot < cores; slot += 1) {
      const worker = this.#keeper({ kind: 'worker', slot });
      this.#workers.push(worker);
      void this.#slotIsFree(slot).then(() => {
        if (!this.#isEnding && this.#workers.includes(worker)) worker.start();
      });
    }
  }

  #retire(worker: Keeper, drainMs: number): void {
    const gone = worker.drain(drainMs).then(() => {
      this.#leaving.delete(worker);
    });
    this.#leaving.set(worker, gone);
  }

  async #slotIsFree(slot: number): Promise<void> {
    for (const [{ role }, gone] of this.#leaving) {
      if (role.kind === 'worker' && role.slot === slot) await gone;
    }
  }

  #keeper(role: Keeper['role']): Keeper {
    const { fork, timers, events, limits } = this.#options;
    const surroundings: KeeperSurroundings = {
      fork,
      timers,
      events,
      limits,
      active: () => this.#active,
    };
    return new Keeper(role, surroundings, {
      onServing: (keeper) => this.#serving(keeper),
      onConfigured: (keeper, version) => this.#rollout?.configured(keeper, version),
      onRefused: (keeper, version, problems) => this.#rollout?.refused(keeper, version, problems),
      onActivated: (keeper, version) => this.#rollout?.activated(keeper, version),
      onLost: (keeper, why) => this.#lost(keeper, why),
      onRequest: (request, answer) => this.#options.onRequest?.(request, answer),
    });
  }

  #serving(keeper: Keeper): void {
    this.#rollout?.join(keeper);
    if (this.#pending === null) {
      this.#options.events.info(
        { child: keeper.name, childPid: keeper.pid },
        'child is ready again',
      );
      return;
    }
    this.#pending.delete(keeper);
    if (this.#pending.size === 0) this.#finishStart(null);
  }

  #lost(keeper: Keeper, why: string): void {
    this.#rollout?.lost(keeper, why);
    if (this.#pending?.has(keeper)) this.#finishStart(`${keeper.name}: ${why}`);
  }

  #finishStart(problem: string | null): void {
    this.#pending = null;
    this.#settleStart(problem);
  }
}
