// Makes room for whoever waits for a processor while a task runs: an event loop, before all.
//
// A lower priority does not do that by itself. Linux (EEVDF, from 6.6 on) lets a thread that runs have its
// slice, whoever wakes beside it, and looks again at the next tick: event loops waited up to 4 ms for a
// thread of low priority. A thread that sleeps for a moment lets go at once, and does not take the processor
// back from who has it then.

import { openSync, readSync } from 'node:fs';
import { cpus } from 'node:os';

/** Works so long between two rests, in ms: what a loop waits at most, and a piece of work. */
const WORK_MS = 0.4;

/** The shortest sleep that there is: it takes about 0.075 ms. */
const REST_MS = 0.001;

/** The machine's, as what waits is the machine's: not those that this process may use. */
const PROCESSORS = cpus().length;

const SLASH = '/'.charCodeAt(0);
const SPACE = ' '.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

const never = new Int32Array(new SharedArrayBuffer(4));
const text = new Uint8Array(64);
/** -1: not opened yet; null: not to be had here. Ends with its thread. */
let file: number | null = -1;
let restedAtMs = 0;

/**
 * Sleeps for a moment when this thread has worked for a while and no processor is idle: who wakes now would
 * have to wait. (Who waits already may do so for this one while others are idle.) To be called often.
 */
export function restIfBusy(): void {
  if (performance.now() - restedAtMs < WORK_MS) return;
  if (countRunnable() >= PROCESSORS) Atomics.wait(never, 0, 0, REST_MS);
  restedAtMs = performance.now();
}

/** Threads of the machine that run or want to, this one included; 0 where nobody tells. Takes 2 µs. */
function countRunnable(): number {
  if (file === null) return 0;
  try {
    if (file === -1) file = openSync('/proc/loadavg', 'r');
    return readRunnable(text.subarray(0, readSync(file, text, 0, text.length, 0)));
  } catch {
    file = null;
    return 0;
  }
}

/** Reads the `3` of `0.31 0.28 0.21 3/218 4711`; 0 when there is no such thing. */
export function readRunnable(line: Uint8Array): number {
  const end = line.indexOf(SLASH);
  const start = line.lastIndexOf(SPACE, end) + 1;
  let count = 0;
  for (let at = start; at < end; at++) {
    const digit = line[at]! - ZERO;
    if (digit < 0 || digit > 9) return 0;
    count = count * 10 + digit;
  }
  return count;
}
