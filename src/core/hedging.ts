// Second attempts for exchanges whose first one takes long.

/** An exchange whose first attempt runs. */
export interface Hedgeable {
  /** It takes long: begins a second attempt, if that is still of any use. */
  hedge(): void;
}

/** One per upstream and worker. */
export interface Hedging {
  /** The share of attempts in flight that may be retries and hedges, 0–1, and the number that always may. */
  readonly budget: { readonly budgetRatio: number; readonly budgetMin: number };
  /** Calls `hedge` once the exchange takes longer than most do; the caller is not asked whether it is over. */
  watch(exchange: Hedgeable): void;
  /** Takes a time from a sent request to the response head, in ms. */
  sample(timeMs: number): void;
}
