// Sends requests with autocannon, as a process of its own that can be pinned to another core than the
// proxy, with an HDR histogram in microseconds, because autocannon's own counts milliseconds. Reads its
// orders as JSON from the first argument; writes JSON lines.

import autocannon from 'autocannon';
import {
  encodeHistogram,
  LONGEST_MICROS,
  latencyHistogram,
  sayLine,
  sayProgress,
} from './load-result.ts';

/** What to send. */
export interface HttpOrders {
  readonly url: string;
  readonly connections: number;
  readonly durationS: number;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  readonly isUnique: boolean;
  /** Requests per second in all, 0 for a closed loop. */
  readonly rate: number;
}

const orders = process.argv[2];
if (orders !== undefined) await run(JSON.parse(orders) as HttpOrders);

async function run(load: HttpOrders): Promise<void> {
  const histogram = latencyHistogram();
  const tracker = autocannon({
    url: load.url,
    connections: load.connections,
    duration: load.durationS,
    method: load.method,
    headers: { ...load.headers },
    timeout: 10,
    ...(load.bodyBytes > 0 ? { body: Buffer.alloc(load.bodyBytes, 'x') } : {}),
    ...(load.isUnique ? { requests: [{ setupRequest: another(load.url) }] } : {}),
    ...(load.rate > 0 ? { overallRate: load.rate } : {}),
  });
  const expectedMicros = load.rate > 0 ? (1e6 * load.connections) / load.rate : 0;
  let requests = 0;
  tracker.on('response', (_client: object, _status: number, _bytes: number, ms: number) => {
    requests += 1;
    const micros = Math.min(LONGEST_MICROS, Math.max(1, Math.round(ms * 1000)));
    // With a rate, a late answer also counts for the requests that could not be sent meanwhile.
    if (expectedMicros > 0) histogram.recordValueWithExpectedInterval(micros, expectedMicros);
    else histogram.recordValue(micros);
  });
  const end = sayProgress(() => requests);
  const total = await tracker;
  end();
  sayLine({
    result: {
      work: requests,
      seconds: total.duration,
      bytes: total.throughput.total,
      errors: total.errors,
      timeouts: total.timeouts,
      non2xx: total.non2xx,
      histogram: encodeHistogram(histogram),
    },
  });
}

/** Asks for a target that nobody has asked for, each time. */
function another(url: string): (request: object) => object {
  const { pathname } = new URL(url);
  const startedAtMs = Date.now();
  let count = 0;
  return (request) => {
    count += 1;
    return { ...request, path: `${pathname}?n=${startedAtMs}-${count}` };
  };
}
