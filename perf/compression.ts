// What compression costs, and whom: what bodies of each size cost the event loop here and in a thread, and
// how late small requests get next to a stream of large bodies that are compressed.
// `node perf/compression.ts --help`.

import { parseArgs } from 'node:util';
import { describeNeighbours, measureNeighbours } from './compression/neighbours.ts';
import { describeSizes, measureSizes } from './compression/sizes.ts';

const HELP = `node perf/compression.ts [options]

  --sizes        only: bodies by size and coding, in the event loop and in a thread
  --neighbours   only: small requests next to a stream of 1 MiB bodies, with real processes
  --rounds N     interleaved rounds of the latter (default 30)
  --duration S   seconds of each (default 0.5)
`;

const options = parseArgs({
  options: {
    sizes: { type: 'boolean', default: false },
    neighbours: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '30' },
    duration: { type: 'string', default: '0.5' },
    help: { type: 'boolean', default: false },
  },
}).values;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const all = !options.sizes && !options.neighbours;
  if (all || options.sizes) process.stdout.write(`${describeSizes(await measureSizes())}\n`);
  if (all || options.neighbours) {
    const rounds = Number(options.rounds);
    const durationMs = Number(options.duration) * 1000;
    const measured = await measureNeighbours({ rounds, durationMs });
    process.stdout.write(`${describeNeighbours(measured)}\n`);
  }
}
