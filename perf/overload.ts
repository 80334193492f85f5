// Overload on the real proxy: one worker, as much as it can do, and more than that. `node perf/overload.ts
// --help`.

import { parseArgs } from 'node:util';
import { describeRow, measureOverload } from './overload/study.ts';

const HELP = `node perf/overload.ts [options]

  --rounds N       interleaved rounds (default 3)
  --duration S     seconds of load that are looked at in each (default 6)
  --factors LIST   offered load as multiples of the peak (default 0.8,1.2,2)
  --path PATH      /page (8 KiB of HTML, rewritten by five expressions; the default) or /small
                   (1 KiB as it is)

The peak is what 48 connections get one after the other, measured anew before each run. Worker on
core 0, origin and load on core 1.
`;

const options = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    duration: { type: 'string', default: '6' },
    factors: { type: 'string', default: '0.8,1.2,2' },
    path: { type: 'string', default: '/page' },
    help: { type: 'boolean', default: false },
  },
}).values;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const { rounds, duration, factors, path } = options;
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const study = {
    ...{ rounds: Number(rounds), durationS: Number(duration), path },
    factors: factors.split(',').map(Number),
  };
  const { peak, rows } = await measureOverload(study, progress);
  process.stdout.write(
    `Peak ${peak.toFixed(0)} requests/s.\n\n` +
      '| offered, of the peak | goodput | goodput by CPU | refused | p50 | p99 of those accepted |\n' +
      '|---|--:|--:|--:|--:|--:|\n' +
      `${rows.map(describeRow).join('\n')}\n`,
  );
}
