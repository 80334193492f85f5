// Files with peers (`discovery.file`): reads them at boot and at a reload, and watches them in between. A
// file that can't be understood changes nothing: what it said last stays, and an event says why.

import type { PeerSettings } from '../config/live-peer.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { readPeerFile } from '../config/read-peers.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { Cancel, Timers } from '../std/timers.ts';
import { ConfigWatch } from './watch.ts';

export interface PeerFilesOptions {
  readonly timers: Timers;
  readonly events: Events;
  /** A file of `upstream` has other peers now; false when they could not be used this time. */
  readonly onChange: (upstream: string, peers: readonly PeerSettings[]) => Promise<boolean>;
}

/** What could not be used is read and told again after this. */
const RETRY_MS = 5000;

interface Watched {
  readonly file: string;
  readonly watch: ConfigWatch;
  cancelRetry: Cancel;
}

export class PeerFiles {
  readonly #options: PeerFilesOptions;
  /** By upstream. */
  readonly #watched = new Map<string, Watched>();

  constructor(options: PeerFilesOptions) {
    this.#options = options;
  }

  /** Returns the peers of every file that `config` names and that can be read now, by upstream. */
  async read(config: Config): Promise<Map<string, readonly PeerSettings[]>> {
    const found = new Map<string, readonly PeerSettings[]>();
    for (const [upstream, file] of filesOf(config)) {
      const peers = await this.#readOne(upstream, file);
      if (peers !== null) found.set(upstream, peers);
    }
    return found;
  }

  /** Watches the files of `config` and no others; changes since `readAtMs` (Unix time) count. */
  follow(config: Config, readAtMs: number): void {
    const files = filesOf(config);
    for (const [upstream, { file }] of this.#watched) {
      if (files.get(upstream) !== file) this.#forget(upstream);
    }
    for (const [upstream, file] of files) {
      if (this.#watched.has(upstream)) continue;
      const { timers, events } = this.#options;
      const onChange = () => void this.#changed(upstream, file);
      const watch = new ConfigWatch({ path: file, readAtMs, timers, events, onChange });
      this.#watched.set(upstream, { file, watch, cancelRetry: () => {} });
    }
  }

  close(): void {
    for (const upstream of this.#watched.keys()) this.#forget(upstream);
  }

  #forget(upstream: string): void {
    const watched = this.#watched.get(upstream);
    watched?.watch.close();
    watched?.cancelRetry();
    this.#watched.delete(upstream);
  }

  async #changed(upstream: string, file: string): Promise<void> {
    const watched = this.#watched.get(upstream);
    watched?.cancelRetry();
    const peers = await this.#readOne(upstream, file);
    if (peers === null || this.#watched.get(upstream) !== watched) return;
    if (await this.#options.onChange(upstream, peers)) return;
    if (watched === undefined || this.#watched.get(upstream) !== watched) return;
    const again = () => void this.#changed(upstream, file);
    watched.cancelRetry = this.#options.timers.after(RETRY_MS, again);
  }

  async #readOne(upstream: string, file: string): Promise<readonly PeerSettings[] | null> {
    try {
      return await readPeerFile(file);
    } catch (error) {
      const problems =
        error instanceof ConfigError ? error.problems.map(formatProblem) : [String(error)];
      const message = 'file with peers can not be used, what it said last stays';
      this.#options.events.error({ upstream, file, problems }, message);
      return null;
    }
  }
}

function filesOf(config: Config): Map<string, string> {
  const files = new Map<string, string>();
  for (const [upstream, { discovery }] of Object.entries(config.upstreams)) {
    if (discovery.file !== null) files.set(upstream, discovery.file);
  }
  return files;
}
