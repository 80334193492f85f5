// The schema of the threads that do long work beside the event loop.

import { integer, section } from './fields.ts';

/** Describes the threads of one worker. */
export const offload = section({
  threads: integer({ min: 0, max: 64 })
    .prefault(1)
    .describe('Threads of each worker; 0 for none: what needs them is left undone.'),
  queueMax: integer({ min: 0, max: 100_000 })
    .prefault(128)
    .describe('Tasks of each worker that may wait for a thread; more are left undone.'),
  backgroundPercent: integer({ min: 0, max: 100 })
    .prefault(10)
    .describe(
      'Share of one processor that each worker may spend on denser encodings of stored answers.',
    ),
})
  .prefault({})
  .describe('Threads for long work beside the event loop: compression, password hashes.');
