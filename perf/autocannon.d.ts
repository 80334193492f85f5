// The part of autocannon that perf/ uses; the package brings no types.

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface Options {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    method: string;
    headers?: Record<string, string>;
    body?: Buffer;
    /** Seconds. */
    timeout?: number;
    /** Requests per second over all connections; open loop when given. */
    overallRate?: number;
    /** `setupRequest` returns the request that is sent. */
    requests?: { setupRequest: (request: object) => object }[];
  }

  interface Result {
    errors: number;
    timeouts: number;
    non2xx: number;
    '2xx': number;
    /** Seconds. */
    duration: number;
    throughput: { total: number };
  }

  interface Tracker extends EventEmitter, PromiseLike<Result> {}

  export default function autocannon(options: Options): Tracker;
}
