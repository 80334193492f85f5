// What the load generators of perf/ say, one JSON object a line, and the histogram that all of them use:
// HDR in microseconds, sent as text so that rounds can be added up.

import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

/** What came of one run. Work is what a scenario counts: requests, messages or events. */
export interface LoadResult {
  readonly work: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  /** An encoded histogram of latencies in microseconds. */
  readonly histogram: string;
}

/** A line of the output: once a second `progress`, at last `result`. */
export type LoadLine =
  | { readonly progress: { readonly second: number; readonly perSecond: number } }
  | { readonly result: LoadResult };

/** One point of the latency curve. */
export interface LatencyPoint {
  readonly percentile: number;
  readonly micros: number;
}

/** The curve is drawn through these; the table shows some of them. */
const PERCENTILES = [
  0, 10, 25, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 100,
];
export const LONGEST_MICROS = 60_000_000;

export function latencyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MICROS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
}

export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

/** Adds encoded histograms up. */
export function addHistograms(encoded: readonly string[]): Histogram {
  const sum = latencyHistogram();
  for (const each of encoded) sum.add(decodeFromCompressedBase64(each));
  return sum;
}

/** Returns the curve of a histogram. */
export function latencyCurve(histogram: Histogram): LatencyPoint[] {
  return PERCENTILES.map((percentile) => ({
    percentile,
    micros: histogram.getValueAtPercentile(percentile),
  }));
}

/** Says something to whoever started this process. */
export function sayLine(line: LoadLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Reports every second how much was done meanwhile; returns what ends it. */
export function sayProgress(done: () => number): () => void {
  let second = 0;
  let reported = done();
  const clock = setInterval(() => {
    second += 1;
    const now = done();
    sayLine({ progress: { second, perSecond: now - reported } });
    reported = now;
  }, 1000);
  return () => clearInterval(clock);
}
