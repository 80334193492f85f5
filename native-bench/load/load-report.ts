// What a load generator counted, whichever it was.

/** Times in microseconds, errors apart by kind. */
export interface LoadReport {
  readonly requests: number;
  readonly durationMicros: number;
  readonly bytes: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  readonly statusErrors: number;
  readonly timeouts: number;
  readonly p50Micros: number;
  readonly p90Micros: number;
  readonly p99Micros: number;
  readonly maxMicros: number;
}

/** Says what went wrong in a run, or null when every request was answered well. */
export function loadFault(report: LoadReport): string | null {
  const { connectErrors, readErrors, writeErrors, statusErrors, timeouts } = report;
  const faults = [
    [connectErrors, 'connect errors'],
    [readErrors, 'read errors'],
    [writeErrors, 'write errors'],
    [statusErrors, 'answers of 400 and above'],
    [timeouts, 'time-outs'],
  ] as const;
  const told = faults.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`);
  if (report.requests === 0) told.push('no request completed');
  return told.length === 0 ? null : told.join(', ');
}
