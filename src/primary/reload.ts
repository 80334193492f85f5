// A new configuration while running: load, compare, lock new ports, roll out, tell what changed. Whatever
// goes wrong on the way, the old one keeps running untouched. What is laid over it (overlay) moves along.

import type { RequestOutcome } from '../channel/peer-change.ts';
import { fingerprint } from '../config/fingerprint.ts';
import type { PeerSettings } from '../config/live-peer.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { messageOf } from '../std/message-of.ts';
import { describeChange, needsRestart } from './describe-change.ts';
import { rebaseOverlay, withPeersOfFiles } from './overlay.ts';
import type { PortLocks } from './port-locks.ts';
import { portClaims, settlePorts } from './port-probe.ts';
import type { RolloutOutcome } from './rollout.ts';
import type { Running } from './running.ts';

const REFUSED = 'new configuration is refused, the old one keeps running';

const stopping: RequestOutcome = {
  kind: 'refused',
  reason: 'stopping',
  problems: ['Sluice is stopping'],
};

export interface ReloaderOptions {
  /** Reads the configuration again, checked and complete; rejects with a ConfigError or another Error. */
  readonly load: () => Promise<Config>;
  /** Settles when the first configuration is live; requests wait for it. */
  readonly started: Promise<unknown>;
  /** The configuration that runs, as loaded: before ports were settled. */
  readonly loaded: Config;
  readonly running: Running;
  /** Reads the files with peers that a configuration names. */
  readonly readPeers: (config: Config) => Promise<ReadonlyMap<string, readonly PeerSettings[]>>;
  readonly locks: Pick<PortLocks, 'take' | 'keepOnly'>;
  readonly events: Events;
  /** Told about each configuration that became live. */
  readonly onLive: (config: Config) => void;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  #loaded: Config;
  #running: Promise<RequestOutcome> | null = null;
  #again: string | null = null;
  #isClosed = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#loaded = options.loaded;
  }

  /**
   * Reloads because of `cause`; requests during a reload become one more after it, which names the causes
   * of all, and all get the outcome of the last one. Never rejects.
   */
  request(cause: string): Promise<RequestOutcome> {
    if (this.#isClosed) return Promise.resolve(stopping);
    if (this.#running !== null) {
      this.#again = joinCauses(this.#again, cause);
      return this.#running;
    }
    this.#running = this.#runAll(cause);
    return this.#running;
  }

  /** Ignores requests from now on. */
  close(): void {
    this.#isClosed = true;
  }

  async #runAll(first: string): Promise<RequestOutcome> {
    await this.#options.started;
    let outcome = stopping;
    for (let cause: string | null = first; cause !== null && !this.#isClosed; ) {
      this.#again = null;
      const because: string = cause;
      outcome = await this.#options.running.turns.take(() => this.#run(because));
      cause = this.#again;
    }
    this.#running = null;
    return outcome;
  }

  async #run(cause: string): Promise<RequestOutcome> {
    try {
      return await this.#reload(cause);
    } catch (error) {
      const problems =
        error instanceof ConfigError ? error.problems.map(formatProblem) : [messageOf(error)];
      return this.#refuse(cause, problems);
    }
  }

  async #reload(cause: string): Promise<RequestOutcome> {
    const { load, running, locks, events, readPeers, onLive } = this.#options;
    const loaded = await load();
    if (fingerprint(loaded) === fingerprint(this.#loaded)) {
      events.info({ cause }, 'configuration is unchanged');
      return { kind: 'done', version: running.version, isChanged: false };
    }
    const { config: before, overlay } = running.layers;
    const config = await settlePorts(loaded, before);
    const conflict = await locks.take(portClaims(config));
    if (conflict !== null) return this.#refuse(cause, [conflict]);
    let outcome: RolloutOutcome;
    try {
      const moved = rebaseOverlay(overlay, before, config);
      const next = { config, overlay: withPeersOfFiles(config, moved, await readPeers(config)) };
      outcome = await running.rollOut(next);
    } finally {
      locks.keepOnly(portClaims(running.layers.config));
    }
    if (outcome.kind !== 'done') {
      const { kind, who, problems } = outcome;
      events.error({ cause, who, problems }, REFUSED);
      return { kind: 'failed', who, problems, isRefused: kind === 'refused' };
    }
    this.#loaded = loaded;
    onLive(config);
    this.#tell(cause, before, config);
    return { kind: 'done', version: running.version, isChanged: true };
  }

  #tell(cause: string, before: Config, config: Config): void {
    const { running, events } = this.#options;
    const change = describeChange(before, config);
    const { version } = running;
    events.info({ cause, version, ...change }, 'new configuration is live');
    const settings = needsRestart(change);
    if (settings.length > 0) {
      events.warn({ settings }, 'these settings take effect in workers started from now on');
    }
  }

  #refuse(cause: string, problems: readonly string[]): RequestOutcome {
    this.#options.events.error({ cause, problems }, REFUSED);
    return { kind: 'refused', reason: 'invalid', problems };
  }
}

function joinCauses(causes: string | null, cause: string): string {
  if (causes === null) return cause;
  return causes.split(', ').includes(cause) ? causes : `${causes}, ${cause}`;
}
