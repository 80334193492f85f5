// The work that all contenders do alike, as data. A new scenario is a row here and, if it needs one, a
// location in peers/origin/nginx.conf; a new kind of load is a case in load-runner.ts.

import { browserHeaders } from './load/browser-headers.ts';

/** One way to start every contender of a scenario. */
export interface Variant {
  /** Follows the contender's name, e.g. ` with log`. */
  readonly suffix: string;
  readonly accessLog: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /**
   * `closed-loop`: as fast as it goes. `open-loop`: at 70 % of the contender's own peak, latency corrected
   * for coordinated omission. `idle`: connections that have had one answer, and their memory.
   */
  readonly kind: 'closed-loop' | 'open-loop' | 'web-socket' | 'idle';
  /** Simultaneous connections of the load generator. */
  readonly connections: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Bytes of request body. */
  readonly requestBodyBytes: number;
  /** Bytes of response body that every contender must deliver. */
  readonly responseBodyBytes: number;
  /** Request header fields besides Host. */
  readonly headers: readonly string[];
  /** Worker processes or threads; with two, proxy and load share the cores. */
  readonly workers: 1 | 2;
  readonly variants: readonly Variant[];
  /** Whether `sluice-pipelining` takes part. */
  readonly hasPipelining: boolean;
  /** Whether it is part of `make bench QUICK=1`. */
  readonly isQuick: boolean;
}

export const SMALL_BODY_BYTES = 1024;
export const LARGE_BODY_BYTES = 64 * 1024;
export const HUGE_BODY_BYTES = 10 * 2 ** 20;
export const WEB_SOCKET_MESSAGE_BYTES = 64;
/** An open loop asks for this share of what a contender can do. */
export const OPEN_LOOP_SHARE = 0.7;

const plain: Variant = { suffix: '', accessLog: false };

const smallGet: Scenario = {
  name: 'small-get',
  title: 'GET 1 KiB, 64 connections',
  kind: 'closed-loop',
  connections: 64,
  method: 'GET',
  path: '/small',
  requestBodyBytes: 0,
  responseBodyBytes: SMALL_BODY_BYTES,
  headers: [],
  workers: 1,
  variants: [plain],
  hasPipelining: true,
  isQuick: true,
};

const single: Scenario = { ...smallGet, hasPipelining: false, isQuick: false };

export const scenarios: readonly Scenario[] = [
  smallGet,
  {
    ...smallGet,
    name: 'small-get-256',
    title: 'GET 1 KiB, 256 connections',
    connections: 256,
    isQuick: false,
  },
  {
    ...smallGet,
    name: 'small-get-1024',
    title: 'GET 1 KiB, 1,024 connections',
    connections: 1024,
    isQuick: false,
  },
  {
    ...single,
    name: 'browser-headers',
    title: 'GET 1 KiB with 15 browser header fields, 64 connections',
    headers: browserHeaders,
    isQuick: true,
  },
  {
    ...single,
    name: 'body-64k',
    title: 'GET 64 KiB, 64 connections',
    path: '/64k.bin',
    responseBodyBytes: LARGE_BODY_BYTES,
    isQuick: true,
  },
  {
    ...single,
    name: 'body-10m',
    title: 'GET 10 MiB, 16 connections',
    connections: 16,
    path: '/10m.bin',
    responseBodyBytes: HUGE_BODY_BYTES,
  },
  {
    ...single,
    name: 'post-1k',
    title: 'POST 1 KiB, 64 connections',
    method: 'POST',
    requestBodyBytes: 1024,
    isQuick: true,
  },
  {
    ...single,
    name: 'keep-alive-off',
    title: 'GET 1 KiB, a new connection for every request, 64 at a time',
    headers: ['Connection: close'],
  },
  {
    ...single,
    name: 'web-socket',
    title: `WebSocket echo of ${WEB_SOCKET_MESSAGE_BYTES} bytes, 64 connections`,
    kind: 'web-socket',
    path: '/echo',
    responseBodyBytes: WEB_SOCKET_MESSAGE_BYTES,
  },
  {
    ...single,
    name: 'open-loop',
    title: 'GET 1 KiB at 70 % of the own peak, open loop, 64 connections',
    kind: 'open-loop',
  },
  {
    ...single,
    name: 'access-log',
    title: 'GET 1 KiB, 64 connections, without and with access log into a file',
    variants: [plain, { suffix: ' with log', accessLog: true }],
  },
  {
    ...single,
    name: 'idle-10k',
    title: '10,000 idle connections',
    kind: 'idle',
    connections: 10_000,
  },
  {
    ...single,
    name: 'two-workers',
    title: 'GET 1 KiB, 64 connections, two workers; load on the same two cores',
    workers: 2,
  },
];

/** Returns the scenario called `name`; throws with the list of names. */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found === undefined) {
    const names = scenarios.map((each) => each.name).join(', ');
    throw new Error(`unknown scenario ${name}; there are ${names}`);
  }
  return found;
}

/** Returns the scenario called `name`; throws when it is none that wrk can send in a closed loop. */
export function closedLoopNamed(name: string): Scenario {
  const scenario = scenarioNamed(name);
  if (scenario.kind === 'closed-loop' && scenario.workers === 1) return scenario;
  throw new Error(`${name} is a matter for native-bench/bench.ts`);
}
