// The load generator as a process of its own, so that it can be pinned to another core than the proxy:
// autocannon with an HDR histogram in microseconds, because autocannon's own counts milliseconds.
// Reads its orders as JSON from the first argument; writes JSON lines to stdout.

import autocannon from 'autocannon';
import { build } from 'hdr-histogram-js';

/** What to send. */
export interface LoadOrders {
  readonly url: string;
  readonly connections: number;
  readonly durationS: number;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly bodyBytes: number;
  /** Requests per second in all, 0 for a closed loop. */
  readonly rate: number;
}

/** One point of the latency curve. */
export interface LatencyPoint {
  readonly percentile: number;
  readonly micros: number;
}

/** What came of it. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly bytes: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly non2xx: number;
  readonly meanMicros: number;
  readonly maxMicros: number;
  readonly latency: readonly LatencyPoint[];
}

/** A line of the output: once a second `progress`, at last `result`. */
export type LoadLine =
  | { readonly progress: { readonly second: number; readonly requestsPerSecond: number } }
  | { readonly result: LoadResult };

/** The curve is drawn through these; the table shows some of them. */
const PERCENTILES = [
  0, 10, 25, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 99, 99.5, 99.9, 99.95, 99.99, 100,
];
const LONGEST_MICROS = 60_000_000;

const orders = process.argv[2];
if (orders !== undefined) await run(JSON.parse(orders) as LoadOrders);

async function run(load: LoadOrders): Promise<void> {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MICROS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
  const tracker = autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.durationS,
    method: load.method,
    headers: load.headers,
    timeout: 10,
    ...(load.bodyBytes > 0 ? { body: Buffer.alloc(load.bodyBytes, 'x') } : {}),
    ...(load.rate > 0 ? { overallRate: load.rate } : {}),
  });
  const expectedMicros = load.rate > 0 ? (1e6 * load.connections) / load.rate : 0;
  let requests = 0;
  tracker.on('response', (_client: object, _status: number, _bytes: number, ms: number) => {
    requests += 1;
    const micros = Math.min(LONGEST_MICROS, Math.round(ms * 1000));
    // With a rate, a late answer also counts for the requests that could not be sent meanwhile.
    if (expectedMicros > 0) histogram.recordValueWithExpectedInterval(micros, expectedMicros);
    else histogram.recordValue(micros);
  });
  let second = 0;
  let reported = 0;
  const clock = setInterval(() => {
    second += 1;
    say({ progress: { second, requestsPerSecond: requests - reported } });
    reported = requests;
  }, 1000);
  const total = await tracker;
  clearInterval(clock);
  say({
    result: {
      requests,
      requestsPerSecond: requests / total.duration,
      bytes: total.throughput.total,
      errors: total.errors,
      timeouts: total.timeouts,
      non2xx: total.non2xx,
      meanMicros: histogram.mean,
      maxMicros: histogram.maxValue,
      latency: PERCENTILES.map((percentile) => ({
        percentile,
        micros: histogram.getValueAtPercentile(percentile),
      })),
    },
  });
}

function say(line: LoadLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
