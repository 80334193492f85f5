// The schema of overload control: when a worker has more work than time.

import { duration, flag, section } from './fields.ts';

const secondMs = 1000;

/** Describes when workers begin to refuse requests. */
export const overload = section({
  enabled: flag()
    .prefault(true)
    .describe('Refuse requests while a worker is overloaded, lowest priority of routes first.'),
  delayMs: duration({ min: 20, max: 10 * secondMs })
    .prefault('250ms')
    .describe('An event loop that is later than this is too late.'),
  sustainedMs: duration({ min: 100, max: 60 * secondMs })
    .prefault('1s')
    .describe('So long it has to be too late, without a break, before anything is refused.'),
  retryAfterMs: duration({ min: secondMs, max: 3600 * secondMs })
    .prefault('1s')
    .describe('What Retry-After tells who is refused, in whole seconds.'),
})
  .prefault({})
  .describe('Early refusals (503) by workers that have more work than time (docs/overload.md).');
