// Decides which share of the requests a worker refuses because it has more work than time. Pure: told a few
// times a second how late the event loop is and how many exchanges run, it says what is refused from then on.
//
//   calm ── late for sustainedMs, tick by tick, with work at hand ──► shedding
//     ▲                                                                  │ pressure rises while the
//     └──────────────── pressure is back at 0 ◄──────────────────────────┘ loop is late, else falls
//
// The pressure is counted in lanes, one per priority of the routes: 1.3 refuses all of the lowest priority
// and 30 % of the next. A worker whose loop is in time refuses nothing, whatever it waits for.
//
// While shedding, each turn of the loop has a budget: what comes early in a turn is taken, and the later it
// is in it, the more is refused, so that the turn comes to its end and what was taken is answered in time.
// The steered pressure is for loads that this alone can't hold.

export interface ShedderSettings {
  /** A loop that is later than this is too late. */
  readonly delayMs: number;
  /** So long it has to be, without a single tick in time. */
  readonly sustainedMs: number;
}

export interface LoadSample {
  readonly nowMs: number;
  /** How late the tick of this sample is. */
  readonly delayMs: number;
  readonly inFlight: number;
}

/** With less at hand the loop is late for other reasons: refusing would not help. */
const IN_FLIGHT_MIN = 32;
/** One long pause is no overload, however long. */
const LATE_TICKS_MIN = 3;
/** Who has just been overloaded is so again at the first late tick. */
const RELAPSE_MS = 10_000;
/** Of the time that is too late, so much of a turn takes all that comes. */
const BUDGET_RATIO = 0.3;
/** While a turn's budget refuses somebody, the load is not over. */
const PRESSURE_MIN = 0.02;
/** Pressure per second for a loop twice as late as it shall be, and while it is in time. */
const RISE_PER_SECOND = 0.5;
const FALL_PER_SECOND = 0.3;
/** Pressure for exchanges in flight that double from one tick to the next. */
const GRADIENT_GAIN = 0.5;
/** Time that one tick stands for, at most. */
const STEP_MS_MAX = 500;
/** A share of the highest priority is let through whatever happens: else nobody sees that it is better. */
const LANE_SHARE_MAX = 0.95;

export class Shedder {
  readonly #settings: ShedderSettings;
  /** Priorities of the routes, ascending. */
  readonly #lanes: readonly number[];
  #pressure = 0;
  #lateTicks = 0;
  #lateSinceMs = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #lastMs = 0;
  #lastInFlight = 0;
  /** Of the partly refused lane, what is owed of the next refusal. */
  #owed = 0;
  /** Somebody was refused since the last tick because of the time in the turn. */
  #wasOverBudget = false;

  constructor(settings: ShedderSettings, priorities: Iterable<number>) {
    this.#settings = settings;
    this.#lanes = [...new Set(priorities)].sort((one, other) => one - other);
  }

  get isShedding(): boolean {
    return this.#pressure > 0;
  }

  /** Requests of this priority and below may be refused; below every priority while calm. */
  get refusesUpTo(): number {
    return this.isShedding ? this.#lanes.at(-1)! : Number.NEGATIVE_INFINITY;
  }

  /** Takes a sample into account. */
  tick(sample: LoadSample): void {
    const stepMs = Math.min(sample.nowMs - this.#lastMs, STEP_MS_MAX);
    if (this.isShedding) this.#steer(sample, stepMs / 1000);
    else this.#watch(sample);
    this.#lastMs = sample.nowMs;
    this.#lastInFlight = sample.inFlight;
  }

  /** Tells whether a request of that priority is one of those refused, with the loop so late in its turn. */
  refuses(priority: number, lateMs: number): boolean {
    if (!this.isShedding) return false;
    const ofTurn = this.#turnPressure(lateMs);
    const pressure = Math.max(this.#pressure, ofTurn);
    const lane = Math.min(Math.floor(pressure), this.#lanes.length - 1);
    const edge = this.#lanes[lane]!;
    if (priority > edge) return false;
    if (priority === edge) {
      this.#owed += pressure - lane;
      if (this.#owed < 1) return false;
      this.#owed -= 1;
    }
    if (ofTurn > this.#pressure) this.#wasOverBudget = true;
    return true;
  }

  /** Takes the lowest lane between the end of the budget and a turn that is too long, then the next. */
  #turnPressure(lateMs: number): number {
    const { delayMs } = this.#settings;
    const budgetMs = delayMs * BUDGET_RATIO;
    return this.#bounded((lateMs - budgetMs) / (delayMs - budgetMs));
  }

  #watch({ nowMs, delayMs, inFlight }: LoadSample): void {
    if (delayMs <= this.#settings.delayMs || inFlight < IN_FLIGHT_MIN || this.#lanes.length === 0) {
      this.#lateTicks = 0;
      return;
    }
    if (this.#lateTicks === 0) this.#lateSinceMs = nowMs;
    this.#lateTicks += 1;
    const isLong = nowMs - this.#lateSinceMs >= this.#settings.sustainedMs;
    const isOverload = isLong && this.#lateTicks >= LATE_TICKS_MIN;
    if (!isOverload && nowMs - this.#endedAtMs >= RELAPSE_MS) return;
    this.#lateTicks = 0;
    this.#pressure = this.#leastPressure(delayMs);
  }

  /** Without so much of it the next turn of a loop that is too late would take too long as well. */
  #leastPressure(delayMs: number): number {
    const share = 1 - this.#settings.delayMs / delayMs;
    return this.#bounded(share * this.#lanes.length);
  }

  #bounded(pressure: number): number {
    return Math.max(0, Math.min(this.#lanes.length - 1 + LANE_SHARE_MAX, pressure));
  }

  /** By how far the loop is from its target; the gradient tells early which way that goes. */
  #steer({ nowMs, delayMs, inFlight }: LoadSample, seconds: number): void {
    const { delayMs: tooLateMs } = this.#settings;
    const excess = Math.max(-1, Math.min(1, delayMs / tooLateMs - 1));
    const gradient = inFlight / Math.max(this.#lastInFlight, IN_FLIGHT_MIN) - 1;
    const rate = excess > 0 ? RISE_PER_SECOND : FALL_PER_SECOND;
    const turn = GRADIENT_GAIN * Math.max(-1, Math.min(1, gradient)) * seconds;
    const steered = this.#bounded(this.#pressure + excess * rate * seconds + turn);
    this.#pressure = this.#wasOverBudget ? Math.max(steered, PRESSURE_MIN) : steered;
    this.#wasOverBudget = false;
    if (this.#pressure === 0) this.#endedAtMs = nowMs;
  }
}
