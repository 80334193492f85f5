// Small requests next to a stream of large bodies: how late do they get? One worker, an open loop of small
// requests, and beside it nothing, 1 MiB bodies as they are, or the same compressed, in many short turns.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const BACKEND = fileURLToPath(new URL('./backend.ts', import.meta.url));
const SMALL_PER_SECOND = 500;
const READY_MS = 20_000;

/** Beside the small requests. */
const SCENES = ['nothing', 'plain', 'zstd', 'br', 'gzip'] as const;
type Scene = (typeof SCENES)[number];

export interface NeighbourRow {
  readonly scene: Scene;
  /** Lower quartiles over the rounds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of p99 to that beside nothing. */
  readonly ratio: number;
  /** Of p99 to that beside the same bodies uncompressed. */
  readonly toPlain: number;
  readonly bodiesPerSecond: number;
}

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bodiesPerSecond: number;
}

/** Measures every scene once per round, interleaved. */
export async function measureNeighbours(options: {
  readonly rounds: number;
  readonly durationMs: number;
}): Promise<NeighbourRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-perf-'));
  const backendPort = await freePort();
  const port = await freePort();
  const file = join(folder, 'sluice.json');
  const config = {
    cores: 1,
    listeners: [{ host: '127.0.0.1', port }],
    upstreams: { app: { peers: [`http://127.0.0.1:${backendPort}`] } },
    routes: [{ to: 'app', compress: true }],
    log: { access: 'off', level: 'error' },
    admin: { enabled: false },
  };
  writeFileSync(file, JSON.stringify(config));
  const children = [start(BACKEND, String(backendPort)), start(MAIN, 'run', file)];
  try {
    await untilReady(port);
    for (const scene of SCENES) await measureScene(scene, port, 500);
    const rounds = new Map<Scene, Round[]>(SCENES.map((scene) => [scene, []]));
    for (let at = 0; at < options.rounds; at++) {
      for (const scene of SCENES) {
        rounds.get(scene)!.push(await measureScene(scene, port, options.durationMs));
      }
    }
    return SCENES.map((scene) => summarise(scene, rounds));
  } finally {
    for (const child of children) child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A Markdown table. */
export function describeNeighbours(rows: readonly NeighbourRow[]): string {
  const lines = [
    '| beside small requests | p50 | p99 | p99 to nothing beside | p99 to plain beside | bodies/s |',
    '|---|---:|---:|---:|---:|---:|',
  ];
  for (const { scene, p50Ms, p99Ms, ratio, toPlain, bodiesPerSecond } of rows) {
    const what = scene === 'nothing' ? scene : `1 MiB bodies, ${scene}`;
    const times = `${p50Ms.toFixed(2)} ms | ${p99Ms.toFixed(2)} ms`;
    const ratios = `${ratio.toFixed(2)} | ${toPlain.toFixed(2)}`;
    lines.push(`| ${what} | ${times} | ${ratios} | ${bodiesPerSecond.toFixed(0)} |`);
  }
  return lines.join('\n');
}

function summarise(scene: Scene, all: ReadonlyMap<Scene, readonly Round[]>): NeighbourRow {
  const p99Of = (one: Scene) => lowerQuartile(all.get(one)!.map(({ p99Ms }) => p99Ms));
  const rounds = all.get(scene)!;
  return {
    scene,
    p50Ms: lowerQuartile(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: p99Of(scene),
    ratio: p99Of(scene) / p99Of('nothing'),
    toPlain: p99Of(scene) / p99Of('plain'),
    bodiesPerSecond: lowerQuartile(rounds.map((round) => round.bodiesPerSecond)),
  };
}

async function measureScene(scene: Scene, port: number, durationMs: number): Promise<Round> {
  const smallAgent = new Agent({ keepAlive: true, maxSockets: 64 });
  const largeAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  const encoding = scene === 'plain' ? 'identity' : scene;
  const endsAtMs = performance.now() + durationMs;
  let bodies = 0;
  const streaming = (async () => {
    while (scene !== 'nothing' && performance.now() < endsAtMs) {
      await fetchBody(port, '/large', encoding, largeAgent);
      bodies += 1;
      // A stream, not a flood: the processors must not be the limit.
      await delay(20);
    }
  })();
  const latencies: number[] = [];
  const running: Promise<void>[] = [];
  const stepMs = 1000 / SMALL_PER_SECOND;
  for (let dueMs = performance.now(); dueMs < endsAtMs; dueMs += stepMs) {
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) await delay(waitMs);
    const sentAtMs = performance.now();
    const answered = fetchBody(port, '/small', 'identity', smallAgent);
    running.push(answered.then(() => void latencies.push(performance.now() - sentAtMs)));
  }
  await Promise.all([...running, streaming]);
  smallAgent.destroy();
  largeAgent.destroy();
  latencies.sort((a, b) => a - b);
  return {
    p50Ms: latencies[Math.floor(latencies.length * 0.5)]!,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)]!,
    bodiesPerSecond: (bodies * 1000) / durationMs,
  };
}

function fetchBody(port: number, path: string, encoding: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': encoding };
    get({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
      response.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function untilReady(port: number): Promise<void> {
  const endsAtMs = performance.now() + READY_MS;
  const agent = new Agent();
  for (;;) {
    const isReady = await fetchBody(port, '/small', 'identity', agent).then(
      () => true,
      () => false,
    );
    if (isReady) return;
    if (performance.now() > endsAtMs) throw new Error('the proxy does not become ready');
    await delay(50);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

/** What others do on the machine only adds: the calmer rounds tell more about the proxy. */
function lowerQuartile(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 4)] ?? 0;
}
