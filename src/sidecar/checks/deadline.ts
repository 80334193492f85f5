// The limit on one check: settles once, with whatever comes first.

import type { CheckOutcome } from './check-target.ts';

export interface Deadline {
  /** Ends the check; what comes later is ignored. */
  settle(why: string): void;
  readonly outcome: Promise<CheckOutcome>;
}

/** Starts the clock; `why` '' is good. `onTimeout` is to release everything. */
export function startDeadline(timeoutMs: number, onTimeout: () => void): Deadline {
  let settle: (why: string) => void = () => {};
  const outcome = new Promise<CheckOutcome>((resolve) => {
    const timer = setTimeout(() => {
      // After a stall of this very process the answer may be here already, unread: read first.
      setImmediate(() => {
        settle(`no answer in ${timeoutMs} ms`);
        onTimeout();
      });
    }, timeoutMs);
    settle = (why) => {
      clearTimeout(timer);
      resolve({ good: why === '', why });
    };
  });
  return { settle: (why) => settle(why), outcome };
}
