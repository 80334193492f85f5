// Clean-ups of a whole test file. `after` of node:test, called inside a `before` hook, would run when that
// hook ends; what is registered here runs when the file's tests are over, last first.

import { after } from 'node:test';
import type { Cleanup } from './deadline.ts';

/** Creates the collector; to be called while the test file loads. */
export function suiteCleanup(): Cleanup {
  const callbacks: (() => unknown)[] = [];
  after(async () => {
    const failures: unknown[] = [];
    for (const callback of callbacks.reverse()) {
      try {
        await callback();
      } catch (error) {
        // What is left open by those before would keep the file from ending.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'clean-ups failed');
  });
  return { after: (callback) => callbacks.push(callback) };
}
