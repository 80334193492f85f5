// Open-loop load as a process of its own: requests at random (Poisson) times from a seed, whatever the
// answers do; latency counts from when a request was due. Orders as JSON in the first argument.

import { Agent, get } from 'node:http';
import { createSeededRandom } from '../../test/support/random.ts';

export interface OpenLoad {
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly durationS: number;
  readonly seed: number;
}

export interface OpenLoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Connections at most: a bound for a machine, far above what a good balancer needs. */
const CONNECTIONS_MAX = 512;
/** Answers may come so long after the last request. */
const LINGER_MS = 20_000;

const orders = process.argv[2];
if (orders !== undefined) run(JSON.parse(orders) as OpenLoad);

function run(load: OpenLoad): void {
  const random = createSeededRandom(load.seed);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const latencies: number[] = [];
  const beganAtMs = performance.now();
  const endsAtMs = beganAtMs + load.durationS * 1000;
  let dueAtMs = beganAtMs;
  let sent = 0;
  let failed = 0;

  const send = (dueMs: number): void => {
    sent += 1;
    const headers = { 'x-client': String(random.below(256)) };
    const options = { agent, headers, host: '127.0.0.1', port: load.port, path: '/' };
    const request = get(options, (response) => {
      response.resume();
      response.once('end', () => {
        latencies.push(performance.now() - dueMs);
        if (response.statusCode !== 200) failed += 1;
        finish();
      });
    });
    request.once('error', () => {
      failed += 1;
      latencies.push(Number.POSITIVE_INFINITY);
      finish();
    });
  };
  const finish = (): void => {
    if (dueAtMs < endsAtMs || latencies.length < sent) return;
    latencies.sort((a, b) => a - b);
    const at = (share: number): number => latencies[Math.floor(share * latencies.length)] ?? 0;
    const result: OpenLoadResult = { requests: sent, failed, p50Ms: at(0.5), p99Ms: at(0.99) };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
  };
  const clock = setInterval(() => {
    const nowMs = performance.now();
    while (dueAtMs <= nowMs && dueAtMs < endsAtMs) {
      send(dueAtMs);
      dueAtMs += (-Math.log(1 - random.next()) * 1000) / load.requestsPerSecond;
    }
    if (dueAtMs >= endsAtMs) clearInterval(clock);
  }, 1);
  setTimeout(() => process.exit(1), load.durationS * 1000 + LINGER_MS).unref();
}
