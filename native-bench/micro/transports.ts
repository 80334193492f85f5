// Our own HTTP/1.1 transport against undici, each alone before the same origin: micro/upstream.ts on core 0
// in interleaved rounds, the origin on core 1. Run: node native-bench/micro/transports.ts

import { fileURLToPath } from 'node:url';
import { requirePrograms } from '../harness/machine.ts';
import { startOrigin } from '../harness/origin.ts';
import { spreadOf } from '../harness/statistics.ts';
import { Workbench } from '../harness/workbench.ts';
import { runProgram } from '../load/run-program.ts';
import { LOAD_CORE, PROXY_CORE } from '../rounds.ts';

const VARIANTS = [
  { name: 'own', args: ['own'] },
  { name: 'own, pipelining: 16', args: ['own', '16'] },
  { name: 'undici', args: ['undici'] },
];
const ROUNDS = Number(process.env['SLUICE_BENCH_ROUNDS'] ?? 3);
/** What one run of upstream.ts takes, and some. */
const RUN_S = 10;
const script = fileURLToPath(new URL('upstream.ts', import.meta.url));

requirePrograms(['nginx', 'taskset']);
const workbench = new Workbench();
try {
  const origin = await startOrigin(workbench, LOAD_CORE);
  const address = `http://127.0.0.1:${origin.port}/small`;
  const found = VARIANTS.map(({ name, args }) => ({ name, args, micros: [] as number[] }));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { args, micros } of found) {
      const run = { program: process.execPath, core: PROXY_CORE, durationS: RUN_S };
      const text = await runProgram({ ...run, args: [script, address, ...args] });
      const value = /: ([\d.]+) µs per request/.exec(Buffer.from(text, 'latin1').toString('utf8'));
      if (value === null) throw new Error(text);
      micros.push(Number(value[1]));
    }
  }
  console.log('| transport | CPU µs per request | spread |\n|---|--:|--:|');
  for (const { name, micros } of found) {
    const { median, least, most } = spreadOf(micros);
    console.log(`| ${name} | ${median.toFixed(2)} | ${least.toFixed(2)}–${most.toFixed(2)} |`);
  }
} finally {
  await workbench.close();
}
