// What `make perf` can be told: flags, each with an environment variable SLUICE_PERF_NAME behind it.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { perfScenarios } from './scenarios.ts';

export interface PerfOptions {
  readonly scenarioNames: readonly string[];
  readonly cores: number;
  readonly rounds: number;
  /** Of one round. */
  readonly durationS: number;
  readonly warmUpS: number;
  /** 0 takes the scenario's own number. */
  readonly connections: number;
  /** Requests per second, 0 for as fast as it goes. */
  readonly rate: number;
  readonly profile: boolean;
  /** Whether pauses for garbage collection are recorded. */
  readonly gc: boolean;
  readonly compareFile: string | null;
  /** Flags for Sluice itself. */
  readonly proxyFlags: readonly string[];
}

export const HELP = `node perf/run.ts [options]            measures Sluice by itself

  --scenario NAME    which work, may be repeated; \`all\` runs every one (default small-get):
${nameLines()}
  --cores N          workers (default 1)
  --rounds N         rounds of load on the same processes (default 3); their spread is the noise
  --duration S       seconds of load in a round (default 5)
  --warm-up S        seconds before (default 3)
  --connections N    instead of the scenario's own
  --rate N           requests per second, open loop: latency is then corrected for coordinated
                     omission (default 0: as fast as it goes, closed loop); requests only
  --profile          leave a .cpuprofile and a flame graph of each process of Sluice in
                     perf/out/profile/
  --no-gc            do not record pauses for garbage collection
  --compare FILE     show the change against an earlier perf/out/*.json
  --proxy='FLAGS'    further flags for Sluice, in one argument

Each has an environment variable that stands for it: SLUICE_PERF_SCENARIO (comma-separated),
SLUICE_PERF_CORES, SLUICE_PERF_ROUNDS, SLUICE_PERF_DURATION, SLUICE_PERF_WARM_UP,
SLUICE_PERF_CONNECTIONS, SLUICE_PERF_RATE, SLUICE_PERF_PROFILE=1, SLUICE_PERF_GC=0,
SLUICE_PERF_COMPARE, SLUICE_PERF_PROXY. All variables of Sluice itself (\`sluice check --env\`)
reach it too.
`;

/** Reads flags over environment over defaults; null when help was asked for. Throws on nonsense. */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): PerfOptions | null {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...argv],
    allowNegative: true,
    options: {
      scenario: { type: 'string', multiple: true },
      cores: text,
      rounds: text,
      duration: text,
      'warm-up': text,
      connections: text,
      rate: text,
      compare: text,
      proxy: text,
      profile: { type: 'boolean' },
      gc: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return null;
  const names = values.scenario ?? env['SLUICE_PERF_SCENARIO']?.split(',') ?? ['small-get'];
  const proxy = values.proxy ?? env['SLUICE_PERF_PROXY'] ?? '';
  const count = (name: string, given: string | undefined, fallback: number, least = 0): number => {
    const variable = `SLUICE_PERF_${name.toUpperCase().replace('-', '_')}`;
    const value = Number(given ?? env[variable] ?? fallback);
    if (Number.isFinite(value) && value >= least) return value;
    throw new Error(`--${name}: a number of at least ${least} expected, got ${given}`);
  };
  return {
    scenarioNames: names.includes('all') ? perfScenarios.map((each) => each.name) : names,
    cores: Math.min(count('cores', values.cores, 1, 1), availableParallelism()),
    rounds: count('rounds', values.rounds, 3, 1),
    durationS: count('duration', values.duration, 5, 1),
    warmUpS: count('warm-up', values['warm-up'], 3, 1),
    connections: count('connections', values.connections, 0),
    rate: count('rate', values.rate, 0),
    profile: values.profile ?? env['SLUICE_PERF_PROFILE'] === '1',
    gc: values.gc ?? env['SLUICE_PERF_GC'] !== '0',
    compareFile: values.compare ?? env['SLUICE_PERF_COMPARE'] ?? null,
    proxyFlags: proxy.split(' ').filter((flag) => flag !== ''),
  };
}

/** The names of the scenarios, as many a line as there is room for. */
function nameLines(): string {
  const lines = [''];
  for (const { name } of perfScenarios) {
    const last = lines.at(-1) ?? '';
    if (last.length + name.length > 70) lines.push(name);
    else lines[lines.length - 1] = last === '' ? name : `${last}, ${name}`;
  }
  return lines.map((line) => `${' '.repeat(21)}${line}`).join('\n');
}
