// The work that all contenders do alike, as data. A new scenario is a row here and, if it needs one, a
// location in peers/origin/nginx.conf; a new kind of load is a case in load-runner.ts.

import { browserHeaders } from './load/browser-headers.ts';
import {
  HUGE_BODY_BYTES,
  LARGE_BODY_BYTES,
  plain,
  type Scenario,
  single,
  smallGet,
  WEB_SOCKET_MESSAGE_BYTES,
} from './scenario.ts';
import { cacheScenarios } from './scenarios-cache.ts';
import { tlsScenarios } from './scenarios-tls.ts';

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
    variants: [plain, { ...plain, suffix: ' with log', accessLog: true }],
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
  ...cacheScenarios,
  ...tlsScenarios,
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

/** Returns the scenario called `name`; throws when it is no closed loop, or a cache answers it. */
export function closedLoopNamed(name: string): Scenario {
  const scenario = scenarioNamed(name);
  const isForOrigin = scenario.isUnique || scenario.variants[0]?.work === 'forward';
  if (scenario.kind === 'closed-loop' && scenario.workers === 1 && isForOrigin) return scenario;
  throw new Error(`${name} is a matter for native-bench/bench.ts`);
}
