// What the front engine costs by itself: uWebSockets.js against node:http, both answering 1 KiB at once, in
// CPU µs per request; wrk on the other core, rounds interleaved. Run: node native-bench/micro/front.ts

import { fileURLToPath } from 'node:url';
import { processTree } from '../harness/cpu-account.ts';
import { requirePrograms } from '../harness/machine.ts';
import { spreadOf } from '../harness/statistics.ts';
import { freePort, type Running, Workbench } from '../harness/workbench.ts';
import { runWrk } from '../load/wrk.ts';
import { LOAD_CORE, PROXY_CORE } from '../rounds.ts';
import { scenarioNamed } from '../scenarios.ts';

const FRONTS = ['uws', 'node:http'];
const ROUNDS = Number(process.env['SLUICE_BENCH_ROUNDS'] ?? 5);
const DURATION_S = Number(process.env['SLUICE_BENCH_DURATION'] ?? 2);
const script = fileURLToPath(new URL('front-server.ts', import.meta.url));

requirePrograms(['wrk', 'taskset']);
const workbench = new Workbench();
try {
  const started: { name: string; port: number; running: Running; micros: number[] }[] = [];
  for (const name of FRONTS) {
    const port = await freePort();
    const args = [script, name, `${port}`];
    const running = workbench.start({ name, program: process.execPath, args, core: PROXY_CORE });
    await workbench.accepting(running, port);
    started.push({ name, port, running, micros: [] });
  }
  const scenario = scenarioNamed('small-get');
  // Round 0 is the warm-up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { port, running, micros } of started) {
      const before = cpuMicros(running.pid);
      const load = await runWrk({ scenario, port, durationS: DURATION_S, core: LOAD_CORE });
      if (round > 0) micros.push((cpuMicros(running.pid) - before) / load.requests);
    }
  }
  console.log('| front | CPU µs per request | spread |\n|---|--:|--:|');
  for (const { name, micros } of started) {
    const { median, least, most } = spreadOf(micros);
    console.log(`| ${name} | ${median.toFixed(2)} | ${least.toFixed(2)}–${most.toFixed(2)} |`);
  }
} finally {
  await workbench.close();
}

function cpuMicros(pid: number): number {
  return processTree(pid).reduce((sum, use) => sum + use.cpuMicros, 0);
}
