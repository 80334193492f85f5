// Overload control of a worker: a tick that comes late tells that there is more work than time, and from then
// on requests are refused, lowest priority first (filter/limit/shedder.ts decides how many).
//
// A turn of the event loop takes in whatever arrives while it runs: under load it goes on for seconds, and no
// timer runs meanwhile. So a request that finds the tick overdue looks for itself, within the turn.

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
  /** A request that comes later than this (performance.now()) is to call `look`. */
  looksAtMs = Number.POSITIVE_INFINITY;
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
    this.looksAtMs = this.#dueMs + TICK_MS;
    this.#timer = setInterval(() => this.tick(performance.now()), TICK_MS);
    this.#timer.unref();
  }

  /** Returns why a request of that priority that came at `nowMs` is refused, or null. Allocates nothing. */
  refusal(priority: number, nowMs: number): ProxyError | null {
    if (this.#shedder?.refuses(priority, nowMs - this.#dueMs) !== true) return null;
    this.refused += 1;
    return this.#error;
  }

  /** Called by its own timer, once in a turn of the event loop. */
  tick(nowMs: number): void {
    this.look(nowMs);
    this.#dueMs = nowMs + TICK_MS;
    this.looksAtMs = this.#dueMs + TICK_MS;
  }

  /** Sees how late the loop is, in the middle of a turn too. */
  look(nowMs: number): void {
    const shedder = this.#shedder;
    if (shedder === null) return;
    this.looksAtMs = nowMs + TICK_MS;
    const wasShedding = shedder.isShedding;
    const delayMs = Math.max(0, nowMs - this.#dueMs);
    shedder.tick({ nowMs, delayMs, inFlight: this.#options.inFlight() });
    this.refusesUpTo = shedder.refusesUpTo;
    if (shedder.isShedding !== wasShedding) this.#tell(shedder.isShedding, Math.round(delayMs));
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#shedder = null;
    this.looksAtMs = Number.POSITIVE_INFINITY;
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
