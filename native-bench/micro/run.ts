// All micro-benchmarks, one after the other: what justifies the native parts, our own code where there is a
// library, and what the phases of a request cost. `node native-bench/micro/run.ts [NAME…]`, `make micro`.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describeMachine } from '../harness/machine.ts';

/** With about how long each takes. */
const BENCHES = [
  { name: 'front', title: 'uWebSockets.js against node:http as a front', seconds: 30 },
  { name: 'transports', title: 'own transport against undici', seconds: 60 },
  { name: 'messages', title: 'msgpackr, native and JavaScript, against JSON', seconds: 15 },
  { name: 'headers', title: 'header filter', seconds: 10 },
  { name: 'routing', title: 'router', seconds: 20 },
  { name: 'filtering', title: 'rules against attacks', seconds: 5 },
  { name: 'filters', title: 'filters and stages of routes', seconds: 20 },
  { name: 'plugins', title: 'plugins', seconds: 5 },
  { name: 'balance', title: 'balancer', seconds: 60 },
] as const;

const DEADLINE_MS = 600_000;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => BENCHES.every((each) => each.name !== name));
if (unknown.length > 0) {
  const names = BENCHES.map((each) => each.name).join(', ');
  process.stderr.write(`no micro-benchmark ${unknown.join(', ')}; there are ${names}\n`);
  process.exit(2);
}
const chosen = BENCHES.filter((each) => wanted.length === 0 || wanted.includes(each.name));
const { cpu, kernel, commit, date } = describeMachine();
process.stdout.write(
  `Node ${process.versions.node}, ${cpu}, Linux ${kernel}, commit ${commit}, ${date}\n`,
);
for (const { name, title, seconds } of chosen) {
  process.stdout.write(`\n## ${title} (about ${seconds} s)\n\n`);
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const ran = spawnSync(process.execPath, [script], { stdio: 'inherit', timeout: DEADLINE_MS });
  if (ran.status !== 0) process.exitCode = 1;
}
