// One name, asked for again and again; tells when its peers change. A name that fails or has nobody keeps
// the peers of its last good answer, and says so once.

import { isDeepStrictEqual } from 'node:util';
import type { PeerSettings } from '../../config/live-peer.ts';
import type { Events } from '../../core/events.ts';
import type { Cancel, Timers } from '../../std/timers.ts';
import { createDnsQuestions, type DnsQuestions } from './dns-query.ts';
import { type DnsSource, type LastAnswers, resolvePeers } from './resolve-peers.ts';
import { refreshAfterMs, retryAfterMs, type TtlBounds } from './schedule.ts';

/** So many answers with holes are waited for before the peers that the primary has are given up for them. */
const patience = 3;

export interface DnsWatchOptions extends DnsSource, TtlBounds {
  readonly upstream: string;
  readonly servers: readonly string[];
  readonly timers: Timers;
  readonly events: Events;
  /** Hands over peers; false when they could not be used, to be handed over again with the next answer. */
  readonly onPeers: (peers: readonly PeerSettings[]) => Promise<boolean>;
  /** Whether the upstream has peers from DNS already, e.g. told by the sidecar before this one. */
  readonly hasPeers: () => boolean;
  readonly ask?: DnsQuestions;
  readonly random?: () => number;
}

/** How a name does, for the operator. */
export interface DnsState {
  /** What is wrong, null when nothing is or nobody has answered yet. */
  readonly problem: string | null;
  /** When the last good answer came, ms since 1970; null before. */
  readonly answeredAtMs: number | null;
}

/** Asks from creation until `close`. */
export class DnsWatch {
  readonly #options: DnsWatchOptions;
  #ask: DnsQuestions;
  readonly #last: LastAnswers = new Map();
  #told: readonly PeerSettings[] | null = null;
  #failures = 0;
  #problem: string | null = null;
  #answeredAtMs: number | null = null;
  #isClosed = false;
  #cancelTimer: Cancel = () => {};

  constructor(options: DnsWatchOptions) {
    this.#options = options;
    this.#ask = options.ask ?? createDnsQuestions(options.servers);
    void this.#look();
  }

  get state(): DnsState {
    return { problem: this.#problem, answeredAtMs: this.#answeredAtMs };
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#ask.cancel();
  }

  async #look(): Promise<void> {
    const { random = Math.random } = this.#options;
    const resolution = await resolvePeers(this.#options, this.#ask, this.#last);
    if (this.#isClosed) return;
    const isGood = resolution.kind === 'peers' && resolution.problem === null;
    this.#judge(resolution.problem);
    this.#failures = isGood ? 0 : this.#failures + 1;
    const isNewcomer = this.#told === null && this.#options.hasPeers();
    const mustWait = !isGood && isNewcomer && this.#failures < patience;
    if (resolution.kind === 'peers' && !mustWait) await this.#tell(resolution.peers);
    if (this.#isClosed) return;
    if (resolution.kind === 'nobody') this.#renew();
    const isAnswered = resolution.kind === 'peers' && !resolution.isStale && !mustWait;
    const waitMs = isAnswered
      ? refreshAfterMs(resolution.ttlMs, this.#options)
      : retryAfterMs(this.#failures, this.#options, random());
    this.#cancelTimer = this.#options.timers.after(waitMs, () => void this.#look());
  }

  /** The name servers of the system may be others by now: a new client reads them again. */
  #renew(): void {
    const { ask, servers } = this.#options;
    if (ask === undefined && servers.length === 0) this.#ask = createDnsQuestions([]);
  }

  async #tell(peers: readonly PeerSettings[]): Promise<void> {
    if (isDeepStrictEqual(peers, this.#told)) return;
    if (await this.#options.onPeers(peers)) this.#told = peers;
  }

  /** One event when it begins to fail, one when it is well again. */
  #judge(problem: string | null): void {
    const { upstream, dns, events, timers } = this.#options;
    const before = this.#problem;
    this.#problem = problem;
    if (problem === null) this.#answeredAtMs = timers.wallMs();
    if (problem === null && before !== null) events.info({ upstream, dns }, 'DNS answers again');
    if (problem === null || before !== null) return;
    const message = 'DNS fails or names nobody, the last good answer stays';
    events.warn({ upstream, dns, problem }, message);
  }
}
