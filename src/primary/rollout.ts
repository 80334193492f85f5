// Makes one configuration version live in all children, or in none of them.
//
//   staging ── everyone configured ──► activating ── everyone activated ──► done
//      │                                   └─ a child dies or is late: killed; its successor
//      └─ one refuses, dies or is late        starts with the new version
//           └──► discard everywhere ──► failed

import type { Cancel, Timers } from '../std/timers.ts';
import type { Keeper, Version } from './keeper.ts';

/** `refused`: a child can't run it. `lost`: a child died or was late, another try may succeed. */
export type RolloutOutcome =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'refused' | 'lost';
      readonly who: string;
      readonly problems: readonly string[];
    };

export interface RolloutOptions {
  readonly next: Version;
  /** The children that serve when it begins; later ones join. */
  readonly keepers: readonly Keeper[];
  readonly timers: Timers;
  /** Limit of each of the two phases in ms. */
  readonly phaseMs: number;
  /** Makes `next` the active version; called once, between the phases. */
  commit(): void;
}

export class Rollout {
  readonly version: number;
  readonly outcome: Promise<RolloutOutcome>;
  readonly #options: RolloutOptions;
  readonly #members = new Set<Keeper>();
  readonly #missing = new Set<Keeper>();
  #phase: 'staging' | 'activating' | 'over' = 'staging';
  #settle: (outcome: RolloutOutcome) => void = () => {};
  #cancelTimer: Cancel = () => {};

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.version = options.next.version;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  begin(): void {
    this.#cancelTimer = this.#options.timers.after(this.#options.phaseMs, () => this.#late());
    for (const keeper of this.#options.keepers) this.#enrol(keeper);
    for (const keeper of this.#options.keepers) keeper.stage(this.#options.next);
    this.#advance();
  }

  /** A child that came up meanwhile takes part; after the commit it has the version already. */
  join(keeper: Keeper): void {
    if (this.#phase !== 'staging') return;
    this.#enrol(keeper);
    keeper.stage(this.#options.next);
  }

  configured(keeper: Keeper, version: number): void {
    if (this.#phase !== 'staging' || version !== this.version) return;
    this.#missing.delete(keeper);
    this.#advance();
  }

  activated(keeper: Keeper, version: number): void {
    if (this.#phase !== 'activating' || version < this.version) return;
    this.#missing.delete(keeper);
    this.#advance();
  }

  refused(keeper: Keeper, version: number, problems: readonly string[]): void {
    if (version === this.version) this.#fail('refused', keeper.name, problems);
  }

  lost(keeper: Keeper, why: string): void {
    const wasMember = this.#members.delete(keeper);
    this.#missing.delete(keeper);
    if (!wasMember) return;
    if (this.#phase === 'staging') this.#fail('lost', keeper.name, [why]);
    else this.#advance();
  }

  /** Gives up, e.g. because the primary drains; harmless when it is over. */
  abandon(why: string): void {
    if (this.#phase === 'staging') this.#fail('lost', 'primary', [why]);
    else this.#finish({ kind: 'done' });
  }

  #enrol(keeper: Keeper): void {
    this.#members.add(keeper);
    this.#missing.add(keeper);
  }

  #advance(): void {
    if (this.#missing.size > 0) return;
    if (this.#phase === 'activating') this.#finish({ kind: 'done' });
    // Whether workers can run it only a worker can say: one that is starting is waited for.
    if (this.#phase === 'staging' && this.#hasWorker()) this.#commit();
  }

  #hasWorker(): boolean {
    return [...this.#members].some(({ role }) => role.kind === 'worker');
  }

  #commit(): void {
    this.#cancelTimer();
    this.#phase = 'activating';
    this.#options.commit();
    for (const keeper of this.#members) this.#missing.add(keeper);
    this.#cancelTimer = this.#options.timers.after(this.#options.phaseMs, () => this.#late());
    for (const keeper of this.#members) keeper.activate(this.version);
    this.#advance();
  }

  #late(): void {
    const limitS = this.#options.phaseMs / 1000;
    if (this.#phase === 'staging' && this.#missing.size === 0) {
      // No worker can run what is live: it can't get worse.
      this.#commit();
      return;
    }
    if (this.#phase === 'staging') {
      const names = [...this.#missing].map((keeper) => keeper.name).join(', ');
      this.#fail('lost', names, [`no answer within ${limitS} s`]);
      return;
    }
    for (const keeper of this.#missing) keeper.kill(`did not activate within ${limitS} s`);
    this.#finish({ kind: 'done' });
  }

  #fail(kind: 'refused' | 'lost', who: string, problems: readonly string[]): void {
    if (this.#phase !== 'staging') return;
    for (const keeper of this.#members) keeper.discard(this.version);
    this.#finish({ kind, who, problems });
  }

  #finish(outcome: RolloutOutcome): void {
    if (this.#phase === 'over') return;
    this.#cancelTimer();
    this.#phase = 'over';
    this.#settle(outcome);
  }
}
