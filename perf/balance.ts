// How well the balancers choose when one backend of four is slow, and what old counts cost them:
// simulated (virtual time, seconds) and with real processes. `node perf/balance.ts --help`.

import { parseArgs } from 'node:util';
import { terminalTable } from '../native-bench/report.ts';
import { measureReal, type RealOptions } from './balance/real.ts';
import {
  lagCells,
  latencyCells,
  markdownTable,
  type Part,
  writePart,
  writePicture,
} from './balance/report.ts';
import { type LatencyRow, RATES, SCENARIO_TEXT, STUDY } from './balance/scenario.ts';
import { measureSharedCost } from './balance/shared-cost.ts';
import { compareAlgorithms, compareLags, LAG_LOAD } from './balance/study.ts';

const HELP = `node perf/balance.ts [options]

  --simulate         the simulation only
  --real             the real processes only
  --lag              how much old counts cost, simulated, only
  --cost             what the shared state costs, real, only (leaves profiles in perf/out/)
  --anticipation F   with --lag: workers suppose that each other one made F of their own moves
                     since the last report (default 0, what Sluice does)
  --rounds N         real: interleaved rounds (default 3)
  --duration S       real: seconds of load per round and balancer (default 3)
  --write            put tables and pictures into docs/
`;

const options = parseArgs({
  options: {
    simulate: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    lag: { type: 'boolean', default: false },
    anticipation: { type: 'string', default: '0.5' },
    rounds: { type: 'string', default: '3' },
    duration: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
}).values;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const all = !options.simulate && !options.real && !options.lag && !options.cost;
  if (all || options.simulate) simulated();
  if (all || options.lag) lagged();
  if (all || options.cost) await cost();
  if (all || options.real) {
    await real({ rounds: Number(options.rounds), durationS: Number(options.duration) });
  }
}

function simulated(): void {
  const parts = Object.values(RATES).map((rate) => {
    const rows = compareAlgorithms(rate);
    return show(rows, { name: 'simulated', rate, title: 'One slow backend of four, simulated' });
  });
  const how =
    `Simulated: ${SCENARIO_TEXT}; ${STUDY.workers} workers whose counts reach each other in batches ` +
    `every ${STUDY.lagMs} ms; 10 s of virtual time, medians over three seeds. ` +
    'An overloaded queue grows as long as the load lasts.';
  write('balance-simulated', [how, ...parts]);
}

async function real(of: RealOptions): Promise<void> {
  const parts: string[] = [];
  for (const rate of Object.values(RATES)) {
    const rows = await measureReal(rate, of, (line) => process.stderr.write(`  ${line}\n`));
    parts.push(show(rows, { name: 'real', rate, title: 'One slow backend of four' }));
  }
  const how =
    `Real processes: Sluice with ${STUDY.workers} workers before ${SCENARIO_TEXT}. Medians of ` +
    `${of.rounds} interleaved rounds of ${of.durationS} s on a machine that was not quiet.`;
  write('balance-real', [how, ...parts]);
}

async function cost(): Promise<void> {
  const runs = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    runs.push(await measureSharedCost(Number(options.duration)));
  }
  const middle = runs.toSorted((a, b) => a.extraShare - b.extraShare)[runs.length >> 1]!;
  const cells = [
    ['CPU µs per request', 'workers', 'of it src/channel', 'sidecar', 'extra'],
    [
      'small GET, 2 workers, 64 connections',
      middle.workerMicros.toFixed(1),
      middle.channelMicros.toFixed(2),
      middle.sidecarMicros.toFixed(2),
      `${(middle.extraShare * 100).toFixed(1)} %`,
    ],
  ];
  process.stdout.write(`${terminalTable(cells)}\n\n`);
  const shares = runs.map((run) => `${(run.extraShare * 100).toFixed(1)} %`).join(', ');
  const how =
    'There is no switch to turn the shared state off, so its parts are added up: the CPU time of the ' +
    'sidecar from /proc, and of the workers the share of CPU samples in or below src/channel, with ' +
    'timers, encoding and system calls; collecting garbage is not in it. Extra is their sum over the ' +
    `rest of the workers' time. The run in the middle of ${runs.length} (${shares}).`;
  write('balance-shared-state', [how, markdownTable(cells)]);
}

function lagged(): void {
  const anticipation = Number(options.anticipation);
  const cells = lagCells(compareLags(anticipation));
  process.stdout.write(`p99 over the ideal, anticipation ${anticipation}\n`);
  process.stdout.write(`${terminalTable(cells)}\n\n`);
  const how =
    'p99 of the time to the answer, divided by that of one least-connections that knows every count ' +
    'at once; by interval between two batches of counts, the same at workers and sidecar. A view is ' +
    'then on average one interval old, at most two and the time of two messages. Four backends of 8 ' +
    `slots, one five times slower; Poisson arrivals of ${LAG_LOAD * 100} % of what they can do, ` +
    'exponential service, 40,000 requests, medians over three seeds, which differ by about 3 %. Up to ' +
    '1.10 in bold.';
  const learnt =
    'What decides is the interval as a share of the service time: up to about a fifth of it, old ' +
    'counts cost about 10 % with 16 workers, and little more with 64. Where backends answer ' +
    'faster than that, the counts of others say little, and power-of-two is hurt less than ' +
    'least-connections, whose workers all run to the same peer.';
  if (anticipation === 0.5) write('balance-lag', [how, markdownTable(cells), learnt]);
}

/** Prints a comparison and returns it as Markdown, with its picture. */
function show(
  rows: readonly LatencyRow[],
  of: { name: string; rate: number; title: string },
): string {
  const fits = of.rate === RATES.fits;
  const subtitle = `${of.rate} requests/s: an even share ${fits ? 'fits into' : 'overloads'} the slow one`;
  const cells = latencyCells(rows);
  process.stdout.write(`${of.title}; ${subtitle}\n${terminalTable(cells)}\n\n`);
  const picture = options.write
    ? writePicture(`${of.name}-${of.rate}`, { title: of.title, subtitle }, rows)
    : '';
  return `### ${subtitle}\n\n${markdownTable(cells)}\n\n${picture}`;
}

function write(part: Part, paragraphs: readonly string[]): void {
  if (!options.write) return;
  process.stdout.write(`written: ${writePart(part, paragraphs.join('\n\n'))}\n`);
}
