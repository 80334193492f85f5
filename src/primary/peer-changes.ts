// Changes of peers while Sluice runs: those that come during a rollout share the next one. Each is answered
// when it holds in every child, or by why it does not.

import { isDeepStrictEqual } from 'node:util';
import type { PeerChange, RequestOutcome } from '../channel/peer-change.ts';
import { matchesTag, peersTag } from '../config/live-peer.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { applyOverlay, changeOverlay, type Overlay } from './overlay.ts';
import type { Running } from './running.ts';

export interface PeerWish {
  readonly upstream: string;
  readonly change: PeerChange;
  /** An If-Match field: the wish is meant for the peers with this tag. Null for whatever there is. */
  readonly ifMatch: string | null;
}

interface Waiting {
  readonly wish: PeerWish;
  readonly settle: (outcome: RequestOutcome) => void;
}

export interface PeerChangesOptions {
  readonly running: Running;
  /** Settles when the first configuration is live; changes wait for it. */
  readonly started: Promise<unknown>;
  readonly events: Events;
}

export class PeerChanges {
  readonly #options: PeerChangesOptions;
  #waiting: Waiting[] = [];

  constructor(options: PeerChangesOptions) {
    this.#options = options;
  }

  /** Makes a change in every child. Never rejects. */
  request(wish: PeerWish): Promise<RequestOutcome> {
    return new Promise((resolve) => {
      this.#waiting.push({ wish, settle: resolve });
      if (this.#waiting.length > 1) return;
      const { started, running } = this.#options;
      void started.then(() => running.turns.take(() => this.#runAll()));
    });
  }

  async #runAll(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    if (await this.#run(batch)) return;
    // Somebody's change can't be lived with: each for itself, so that the others get theirs.
    for (const one of batch) await this.#run([one]);
  }

  /** Answers all of `batch`; false, and nobody has an answer, when they can't be made together. */
  async #run(batch: readonly Waiting[]): Promise<boolean> {
    const { running } = this.#options;
    const { config, overlay: before } = running.layers;
    let overlay = before;
    const accepted: Waiting[] = [];
    const refusals: (() => void)[] = [];
    for (const one of batch) {
      const next = this.#change(config, overlay, one.wish);
      if ('kind' in next) refusals.push(() => one.settle(next));
      else {
        accepted.push(one);
        overlay = next;
      }
    }
    const outcome = await this.#bringLive(config, overlay);
    if (outcome.kind === 'failed' && outcome.isRefused && accepted.length > 1) return false;
    for (const settle of refusals) settle();
    for (const one of accepted) one.settle(outcome);
    return true;
  }

  #change(config: Config, overlay: Overlay, wish: PeerWish): Overlay | RequestOutcome {
    const { upstream, ifMatch } = wish;
    const changed = changeOverlay(config, overlay, wish);
    if ('reason' in changed && changed.reason === 'unknown-upstream') {
      return refused(changed.reason, changed.problem);
    }
    if (ifMatch !== null) {
      const { peers } = applyOverlay(config, overlay).upstreams[upstream]!;
      if (!matchesTag(ifMatch, peersTag(peers))) {
        return refused('tag', `the peers of '${upstream}' are others than those of this tag`);
      }
    }
    return 'reason' in changed ? refused(changed.reason, changed.problem) : changed;
  }

  async #bringLive(config: Config, overlay: Overlay): Promise<RequestOutcome> {
    const { running, events } = this.#options;
    const before = running.effective;
    const after = applyOverlay(config, overlay);
    if (isDeepStrictEqual(before.upstreams, after.upstreams)) {
      running.note(overlay);
      return { kind: 'done', version: running.version, isChanged: false };
    }
    const outcome = await running.rollOut({ config, overlay });
    if (outcome.kind !== 'done') {
      const { kind, who, problems } = outcome;
      events.error({ who, problems }, 'change of peers failed, the old ones stay');
      return { kind: 'failed', who, problems, isRefused: kind === 'refused' };
    }
    const { version } = running;
    for (const name of Object.keys(after.upstreams)) {
      const change = difference(before, after, name);
      if (change !== null) events.info({ upstream: name, version, ...change }, 'peers changed');
    }
    return { kind: 'done', version, isChanged: true };
  }
}

function refused(
  reason: Extract<RequestOutcome, { kind: 'refused' }>['reason'],
  problem: string,
): RequestOutcome {
  return { kind: 'refused', reason, problems: [problem] };
}

/** What changed in an upstream, by URL; null when nothing did. */
function difference(before: Config, after: Config, name: string) {
  const [old, now] = [before, after].map(({ upstreams }) => {
    return new Map((upstreams[name]?.peers ?? []).map((peer) => [peer.url, peer]));
  });
  if (isDeepStrictEqual(old, now)) return null;
  const added = [...now!.keys()].filter((url) => !old!.has(url));
  const removed = [...old!.keys()].filter((url) => !now!.has(url));
  const altered = [...now!].filter(([url, peer]) => {
    return old!.has(url) && !isDeepStrictEqual(old!.get(url), peer);
  });
  return { added, removed, altered: altered.map(([url]) => url), peers: now!.size };
}
