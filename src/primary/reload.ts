// A new configuration while running: load, compare, lock new ports, roll out, tell what changed. Whatever
// goes wrong on the way, the old one keeps running untouched.

import { fingerprint } from '../config/fingerprint.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { describeChange, needsRestart } from './describe-change.ts';
import type { Fleet } from './fleet.ts';
import type { PortLocks } from './port-locks.ts';
import { portClaims, settlePorts } from './port-probe.ts';
import type { RolloutOutcome } from './rollout.ts';

/** A rollout that lost a child by chance is tried so often in all. */
const ATTEMPTS_MAX = 2;

export interface ReloaderOptions {
  /** Reads the configuration again, checked and complete; rejects with a ConfigError or another Error. */
  readonly load: () => Promise<Config>;
  /** Settles when the first configuration is live; requests wait for it. */
  readonly started: Promise<unknown>;
  /** The configuration that runs, as loaded: before ports were settled. */
  readonly loaded: Config;
  readonly fleet: Pick<Fleet, 'active' | 'rollOut'>;
  readonly locks: Pick<PortLocks, 'take' | 'keepOnly'>;
  readonly events: Events;
  /** Told about each configuration that became live. */
  readonly onLive: (config: Config) => void;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  #loaded: Config;
  #running: Promise<void> | null = null;
  #again: string | null = null;
  #isClosed = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
  }

  /** Reloads because of `cause`; requests during a reload become one more after it. Never rejects. */
  request(cause: string): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#running !== null) {
      this.#again = cause;
      return this.#running;
    }
    this.#running = this.#runAll(cause);
    return this.#running;
  }

  /** Ignores requests from now on. */
  close(): void {
    this.#isClosed = true;
  }

  async #runAll(first: string): Promise<void> {
    await this.#options.started;
    for (let cause: string | null = first; cause !== null && !this.#isClosed; ) {
      this.#again = null;
      await this.#run(cause);
      cause = this.#again;
    }
    this.#running = null;
  }

  async #run(cause: string): Promise<void> {
    try {
      await this.#reload(cause);
    } catch (error) {
      const problems =
        error instanceof ConfigError
          ? error.problems.map(formatProblem)
          : [error instanceof Error ? error.message : String(error)];
      this.#refuse(cause, { problems });
    }
  }

  async #reload(cause: string): Promise<void> {
    const { load, fleet, locks, events, onLive } = this.#options;
    const loaded = await load();
    if (fingerprint(loaded) === fingerprint(this.#loaded)) {
      return events.info({ cause }, 'configuration is unchanged');
    }
    const before = fleet.active.config;
    const config = await settlePorts(loaded, before);
    const conflict = await locks.take(portClaims(config));
    if (conflict !== null) return this.#refuse(cause, { problems: [conflict] });
    const outcome = await this.#rollOut(config);
    locks.keepOnly(portClaims(fleet.active.config));
    if (outcome.kind !== 'done') {
      const { who, problems } = outcome;
      return this.#refuse(cause, { who, problems });
    }
    this.#loaded = loaded;
    onLive(config);
    this.#tell(cause, before, config);
  }

  async #rollOut(config: Config): Promise<RolloutOutcome> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#options.fleet.rollOut(config);
      if (outcome.kind !== 'lost' || attempt >= ATTEMPTS_MAX || this.#isClosed) return outcome;
    }
  }

  #tell(cause: string, before: Config, config: Config): void {
    const { fleet, events } = this.#options;
    const change = describeChange(before, config);
    const { version } = fleet.active;
    events.info({ cause, version, ...change }, 'new configuration is live');
    const settings = needsRestart(change);
    if (settings.length > 0) {
      events.warn({ settings }, 'these settings take effect in workers started from now on');
    }
  }

  #refuse(cause: string, fields: { who?: string; problems: readonly string[] }): void {
    const message = 'new configuration is refused, the old one keeps running';
    this.#options.events.error({ cause, ...fields }, message);
  }
}
