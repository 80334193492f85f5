// What a scenario of perf/ is: a stage (origin and configuration of Sluice) and a load. New ones are a
// file in scenarios/ and a line in scenarios.ts.

import { fileURLToPath } from 'node:url';
import { startOrigin } from '../native-bench/harness/origin.ts';
import { freePort, type Workbench } from '../native-bench/harness/workbench.ts';

/**
 * What the load generator does; `http2` is over TLS, `churn` a GET a connection, `event` listens to
 * server-sent events.
 */
export type Load =
  | {
      readonly kind: 'http';
      readonly scheme: 'http' | 'https';
      readonly method: 'GET' | 'POST';
      readonly path: string;
      readonly headers: readonly string[];
      readonly bodyBytes: number;
      /** Whether every request asks for another target (a query that counts). */
      readonly isUnique: boolean;
    }
  | { readonly kind: 'http2'; readonly path: string; readonly streams: number }
  | { readonly kind: 'churn'; readonly path: string }
  | { readonly kind: 'web-socket'; readonly path: string; readonly messageBytes: number }
  | { readonly kind: 'event'; readonly path: string };

/** Where the processes of a scenario are started. */
export interface Stage {
  readonly workbench: Workbench;
  /** Where the origin runs: a core number or null for any. */
  readonly core: number | null;
}

/** The part of Sluice's configuration that a scenario decides. */
export interface Subject {
  readonly upstreams: Readonly<Record<string, object>>;
  readonly routes: readonly object[];
  /** What it says of its listener beside the address. */
  readonly listener?: Readonly<Record<string, unknown>>;
  /** Whatever else a configuration file may say. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface PerfScenario {
  readonly name: string;
  readonly title: string;
  /** What is counted: `request`, `message`, `event`. */
  readonly unit: string;
  readonly connections: number;
  readonly load: Load;
  /** Starts the origin, and says what Sluice is to do before it. */
  readonly prepare: (stage: Stage) => Promise<Subject>;
}

/** A small GET; others differ from it. */
export const smallGet: Load = {
  kind: 'http',
  scheme: 'http',
  method: 'GET',
  path: '/small',
  headers: [],
  bodyBytes: 0,
  isUnique: false,
};

/** One upstream with the origin of native-bench as its only peer, one route. */
export async function plainSubject(stage: Stage): Promise<Subject> {
  const origin = await startOrigin(stage.workbench, stage.core);
  return subjectOf([origin.port]);
}

/** One upstream with peers on `ports`, one route. */
export function subjectOf(ports: readonly number[]): Subject {
  const peers = ports.map((port) => `http://127.0.0.1:${port}`);
  return { upstreams: { app: { peers } }, routes: [{ to: 'app' }] };
}

/** Starts a backend script of perf/peers/ with a free port in its orders; returns the port. */
export async function startScript(stage: Stage, script: URL, orders: object): Promise<number> {
  const port = await freePort();
  const running = stage.workbench.start({
    name: 'origin',
    program: process.execPath,
    args: [fileURLToPath(script), JSON.stringify({ ...orders, port })],
    core: stage.core,
  });
  await stage.workbench.accepting(running, port);
  return port;
}
