// Overload control of a worker: a tick that comes late tells that there is more work than time, and from then
// on requests are refused, lowest priority first (filter/limit/shedder.ts decides how many).

import type { Config } from '../config/schema.ts';
import { ProxyError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import { Shedder } from './filter/limit/shedder.ts';

/** Short against what counts as late, long against the cost of a timer. */
const TICK_MS = 50;

export interface OverloadOptions {
  readonly events: Events;
  readonly inFlight: () => number;
}

export class Overload {
  /** Requests of this priority and below need to ask `refusal`; the rest has nothing to fear. */
  refusesUpTo = Number.NEGATIVE_INFINITY;
  /** Requests refused since the worker started. */
  refused = 0;
  readonly #options: OverloadOptions;
  #shedder: Shedder | null = null;
  #error = new ProxyError('overloaded');
  #settings = '';
  #timer: NodeJS.Timeout | null = null;
  #dueMs = 0;
  #refusedBefore = 0;

  constructor(options: OverloadOptions) {
    this.#options = options;
  }

  get isShedding(): boolean {
    return this.#shedder?.isShedding === true;
  }

  /** Follows a new configuration; what is being refused starts anew only when its settings changed. */
  configure({ overload, routes }: Pick<Config, 'overload' | 'routes'>): void {
    const priorities = routes.map(({ priority }) => priority);
    const settings = JSON.stringify([overload, priorities]);
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.close();
    if (!overload.enabled) return;
    const seconds = Math.max(1, Math.ceil(overload.retryAfterMs / 1000));
    this.#error = new ProxyError('overloaded', 'more work than time', seconds);
    this.#shedder = new Shedder(overload, priorities);
    this.#dueMs = performance.now() + TICK_MS;
    this.#timer = setInterval(() => this.tick(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  /** Returns why a request of that priority is refused now, or null. Allocates nothing. */
  refusal(priority: number): ProxyError | null {
    if (this.#shedder?.refuses(priority) !== true) return null;
    this.refused += 1;
    return this.#error;
  }

  /** Called by its own timer. */
  tick(nowMs: number): void {
    const shedder = this.#shedder;
    if (shedder === null) return;
    const wasShedding = shedder.isShedding;
    const delayMs = Math.max(0, nowMs - this.#dueMs);
    shedder.tick({ nowMs, delayMs, inFlight: this.#options.inFlight() });
    this.#dueMs = nowMs + TICK_MS;
    this.refusesUpTo = shedder.refusesUpTo;
    if (shedder.isShedding !== wasShedding) this.#tell(shedder.isShedding, Math.round(delayMs));
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#shedder = null;
    this.refusesUpTo = Number.NEGATIVE_INFINITY;
  }

  #tell(isShedding: boolean, delayMs: number): void {
    const { events, inFlight } = this.#options;
    if (isShedding) {
      this.#refusedBefore = this.refused;
      events.warn({ delayMs, inFlight: inFlight() }, 'overloaded: requests are refused');
    } else {
      events.info({ refused: this.refused - this.#refusedBefore }, 'no longer overloaded');
    }
  }
}
