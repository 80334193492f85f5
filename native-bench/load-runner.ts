// Which load generator a scenario is driven by, and what a contender is told when it is its turn.

import { fileURLToPath } from 'node:url';
import type { Contestant } from './contender.ts';
import { h2loadArgs, runH2load } from './load/h2load.ts';
import type { HandshakeOrders } from './load/handshake-load.ts';
import { type LoadReport, loadFault } from './load/load-report.ts';
import { runOpenLoop } from './load/open-loop.ts';
import { runProgram } from './load/run-program.ts';
import type { StreamOrders } from './load/stream-load.ts';
import type { WebSocketOrders, WebSocketResult } from './load/web-socket-load.ts';
import { type LoadRun, runWrk, wrkCommand } from './load/wrk.ts';
import {
  BESIDE_PER_SECOND,
  OPEN_LOOP_SHARE,
  type Scenario,
  WEB_SOCKET_MESSAGE_BYTES,
} from './scenario.ts';

/** Puts load on a contestant for a while. Rejects on any failed or short answer. */
export type RunLoad = (contestant: Contestant, durationS: number) => Promise<LoadReport>;

const streamScript = fileURLToPath(new URL('load/stream-load.ts', import.meta.url));
const webSocketScript = fileURLToPath(new URL('load/web-socket-load.ts', import.meta.url));
const handshakeScript = fileURLToPath(new URL('load/handshake-load.ts', import.meta.url));

/** Returns the load of `scenario`, made on `core`; files of the generators go into `directory`. */
export function loadRunner(
  scenario: Scenario,
  place: { core: number | string | null; directory: string },
): RunLoad {
  const once = onceRunner(scenario, place);
  return async (contestant, durationS) => {
    const load = await once(contestant, durationS);
    const fault = loadFault(load) ?? lengthFault(scenario, load);
    if (fault !== null) throw new Error(`${contestant.name} in ${scenario.name}: ${fault}`);
    return load;
  };
}

function onceRunner(
  scenario: Scenario,
  place: { core: number | string | null; directory: string },
): RunLoad {
  const run = (contestant: Contestant, durationS: number): LoadRun => {
    return { scenario, port: contestant.port, durationS, core: place.core };
  };
  switch (scenario.kind) {
    case 'web-socket':
      return (contestant, durationS) => runWebSocket(run(contestant, durationS));
    case 'open-loop':
      return openLoop(run, place.directory);
    case 'beside':
      return (contestant, durationS) =>
        runBeside(run(contestant, durationS), contestant.beside, place.directory);
    case 'handshake':
    case 'resumption':
      return (contestant, durationS) => runHandshakes(run(contestant, durationS));
    default:
      return (contestant, durationS) => runClosedLoop(run(contestant, durationS), place.directory);
  }
}

/** Runs a closed loop once, HTTP/2 by h2load and all else by wrk. */
export function runClosedLoop(run: LoadRun, directory: string): Promise<LoadReport> {
  return run.scenario.wire === 'h2' ? runH2load({ ...run, directory }) : runWrk(run);
}

/** Returns the command line of a closed loop, for whoever starts it on his own. */
export function closedLoopCommand(run: LoadRun): {
  program: string;
  args: string[];
  environment: Record<string, string>;
} {
  if (run.scenario.wire !== 'h2') return { program: 'wrk', ...wrkCommand(run) };
  return { program: 'h2load', args: h2loadArgs(run), environment: {} };
}

/** The first run of a contestant, its warm-up, finds its peak; the others are at a share of it. */
function openLoop(
  run: (contestant: Contestant, durationS: number) => LoadRun,
  directory: string,
): RunLoad {
  const peaks = new Map<string, number>();
  return async (contestant, durationS) => {
    const peak = peaks.get(contestant.name);
    if (peak === undefined) {
      // What is not compiled and connected yet would make the peak too low.
      await runWrk(run(contestant, durationS));
      const load = await runWrk(run(contestant, durationS));
      peaks.set(contestant.name, load.requests / (load.durationMicros / 1e6));
      return load;
    }
    const requestsPerSecond = peak * OPEN_LOOP_SHARE;
    return runOpenLoop({ ...run(contestant, durationS), requestsPerSecond, directory });
  };
}

/** Small requests at an even pace, with a stream of long bodies beside them unless `path` is ''. */
async function runBeside(run: LoadRun, path: string, directory: string): Promise<LoadReport> {
  const { port, core, durationS } = run;
  const orders: StreamOrders = { port, path, durationS };
  const args = [streamScript, JSON.stringify(orders)];
  const stream =
    path === '' ? null : runProgram({ program: process.execPath, args, core, durationS });
  const load = await runOpenLoop({ ...run, requestsPerSecond: BESIDE_PER_SECOND, directory });
  const text = stream === null ? '' : await stream;
  if (stream !== null && !/^RESULT [1-9]/m.test(text)) {
    throw new Error(`no body was streamed:\n${text.slice(-2000)}`);
  }
  return load;
}

async function runWebSocket(run: LoadRun): Promise<LoadReport> {
  const { scenario, port, durationS, core } = run;
  const { path, connections } = scenario;
  const messageBytes = WEB_SOCKET_MESSAGE_BYTES;
  const orders: WebSocketOrders = { port, path, connections, durationS, messageBytes };
  const args = [webSocketScript, JSON.stringify(orders)];
  const text = await runProgram({ program: process.execPath, args, core, durationS });
  const found = /^RESULT (\{.*\})$/m.exec(text);
  if (found === null) throw new Error(`the WebSocket load gave no report:\n${text.slice(-2000)}`);
  return (JSON.parse(found[1] ?? '') as WebSocketResult).report;
}

async function runHandshakes(run: LoadRun): Promise<LoadReport> {
  const { scenario, port, durationS, core } = run;
  const isResuming = scenario.kind === 'resumption';
  const orders: HandshakeOrders = {
    ...{ port, durationS, isResuming },
    connections: scenario.connections,
  };
  const args = [handshakeScript, JSON.stringify(orders)];
  const text = await runProgram({ program: process.execPath, args, core, durationS });
  const found = /^RESULT (\{.*\})$/m.exec(text);
  if (found === null) throw new Error(`the handshakes gave no report:\n${text.slice(-2000)}`);
  return JSON.parse(found[1] ?? '') as LoadReport;
}

/** A proxy that answers fast with less than the body must not win. */
function lengthFault(scenario: Scenario, load: LoadReport): string | null {
  const bytesPerRequest = load.bytes / load.requests;
  const { responseBodyBytes: least, responseBytesMax: most } = scenario;
  if (bytesPerRequest >= least && bytesPerRequest <= most) return null;
  const expected = most === Number.POSITIVE_INFINITY ? `${least}` : `${least} to ${most}`;
  return `${Math.round(bytesPerRequest)} bytes per answer, ${expected} expected`;
}
