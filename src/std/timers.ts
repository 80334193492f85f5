// Clock and timers as one thing, so that tests can hold time and let it run. Not for the hot path.

import { type Clock, systemClock } from './clock.ts';

/** Stops a timer that has not fired; harmless afterwards. */
export type Cancel = () => void;

export interface Timers extends Clock {
  /** Runs `callback` once after `delayMs`. */
  after(delayMs: number, callback: () => void): Cancel;
}

export const systemTimers: Timers = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
