// A monotonic clock that all processes of one host read alike. `performance.now()` counts from the start of
// its own process, `process.hrtime` from one moment for all of them; neither follows the calendar.

/** Returns a function that tells the time in ms since some moment before all processes began. */
export function createHostClock(): () => number {
  const startedAtMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return () => startedAtMs + performance.now();
}
