// What `make bench` can be told, and how long it will take: flags, each with an environment variable
// SLUICE_BENCH_NAME behind it.

import { parseArgs } from 'node:util';
import type { Contender } from './contender.ts';
import { allContenders } from './contenders.ts';
import { roundsMax } from './rounds.ts';
import type { Scenario } from './scenario.ts';
import { scenarioNamed, scenarios } from './scenarios.ts';
import { selectContenders } from './selection.ts';

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly durationS: number;
  readonly warmUpS: number;
  readonly baseline: string;
  readonly foreignShareMax: number;
  /** Of the native peers only those that the targets of a scenario name. */
  readonly isForTargets: boolean;
  /** Keep earlier results of other scenarios. */
  readonly isKeeping: boolean;
  readonly isWriting: boolean;
  /** Write the page from what was measured before; measure nothing. */
  readonly isRendering: boolean;
}

/** Whom `--targets` takes: those that the targets name, but the Node peers. */
const TARGET_NAMES = [
  ...['nginx', 'haproxy', 'varnish', 'caddy', 'h2o', 'nghttpx'],
  ...['sluice', 'sluice-lean', 'sluice-pipelining', 'sluice-node'],
];
/** Who takes part only where a scenario asks for it. */
const GUESTS = ['sluice-pipelining', 'sluice-node'];
const QUICK_NAMES = ['nginx', 'haproxy', 'sluice', 'sluice-lean'];

export const HELP = `node native-bench/bench.ts [options]     Sluice side by side with other proxies

  --scenario NAME       which work, may be repeated (default: all)
                        ${scenarios.map((each) => each.name).join(', ')}
  --only NAME,NAME      who (default: all that are installed)
                        ${allContenders.map((each) => each.name).join(', ')}
  --targets             the Sluices and whom the targets name, but the Node peers
  --quick               the same without pipelining, few scenarios, rounds of 2 s: under 6 minutes
  --sluice NAME=FLAGS   Sluice once more under NAME with further flags, may be repeated
  --extra NAME=COMMAND  any command that serves $PORT before $ORIGIN_PORT, may be repeated
  --rounds N            interleaved rounds (default 5)
  --duration S          seconds of load per round and proxy (default 3)
  --warm-up S           seconds before the rounds (default 2)
  --baseline NAME       whom the ratios refer to (default nginx)
  --foreign-max SHARE   repeat rounds in which others took more of a core (default 0.1)
  --keep                keep the results of other scenarios in native-bench/out/bench.json
  --write               put tables and picture into docs/benchmark.md and README.md
  --render              measure nothing; write the page from native-bench/out/bench.json

Environment: SLUICE_BENCH_SCENARIO (comma-separated), SLUICE_BENCH_ONLY, SLUICE_BENCH_ROUNDS,
SLUICE_BENCH_DURATION, SLUICE_BENCH_WARM_UP stand for these flags; SLUICE_BENCH_NICE=-10 gives what
is measured precedence over other work.
`;

/** Seconds that starting a contender, and beginning and ending a run, take beside the load itself. */
const START_S = 0.8;
const RUN_S = 0.4;
const IDLE_S = 7;

/** Reads flags over environment over defaults; null when help was asked for. Throws on nonsense. */
export function readBenchOptions(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): BenchOptions | null {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const many = { type: 'string', multiple: true, default: [] as string[] } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scenario: { type: 'string', multiple: true },
      ...{ only: text, rounds: text, duration: text, 'warm-up': text, baseline: text },
      ...{ 'foreign-max': text, targets: flag, quick: flag, keep: flag, write: flag },
      ...{ render: flag, help: flag, sluice: many, extra: many },
    },
  });
  if (values.help) return null;
  const number = (name: 'rounds' | 'duration' | 'warm-up' | 'foreign-max', fallback: number) => {
    const variable = `SLUICE_BENCH_${name.toUpperCase().replace('-', '_')}`;
    const value = Number(values[name] ?? env[variable] ?? fallback);
    if (Number.isFinite(value) && value > 0) return value;
    throw new Error(`--${name}: a number above 0 expected, got ${values[name] ?? env[variable]}`);
  };
  const names = values.scenario ?? env['SLUICE_BENCH_SCENARIO']?.split(',');
  const only = values.only ?? env['SLUICE_BENCH_ONLY'];
  const everybody = allContenders.map((each) => each.name);
  const standard = values.quick ? QUICK_NAMES : values.targets ? TARGET_NAMES : everybody;
  return {
    scenarios:
      names?.map(scenarioNamed) ?? scenarios.filter((each) => each.isQuick || !values.quick),
    contenders: selectContenders({ only, sluice: values.sluice, extra: values.extra }, standard),
    rounds: number('rounds', 5),
    durationS: number('duration', values.quick ? 2 : 3),
    warmUpS: number('warm-up', values.quick ? 1 : 2),
    baseline: values.baseline ?? 'nginx',
    foreignShareMax: number('foreign-max', 0.1),
    isForTargets: values.targets || values.quick,
    isKeeping: values.keep,
    isWriting: values.write,
    isRendering: values.render,
  };
}

/** Sorts out who takes part in `scenario`; the others with the reason. */
export function castOf(
  scenario: Scenario,
  { contenders, isForTargets }: Pick<BenchOptions, 'contenders' | 'isForTargets'>,
): { present: Contender[]; absent: { name: string; reason: string }[] } {
  const present: Contender[] = [];
  const absent: { name: string; reason: string }[] = [];
  for (const contender of contenders) {
    const { name } = contender;
    // Further Sluices have nothing to say elsewhere.
    if (GUESTS.includes(name) && !scenario.guests.includes(name)) continue;
    if (isForTargets && contender.kind === 'native' && !scenario.rivals.includes(name)) continue;
    const reason = reasonToStayOut(scenario, contender);
    if (reason === null) present.push(contender);
    else absent.push({ name, reason });
  }
  return { present, absent };
}

/** Returns how many seconds a scenario takes, and how many at most on a machine that is not quiet. */
export function estimateS(
  scenario: Scenario,
  of: Pick<BenchOptions, 'contenders' | 'isForTargets' | 'rounds' | 'durationS' | 'warmUpS'>,
): { expected: number; most: number } {
  const count = castOf(scenario, of).present.length;
  if (scenario.kind === 'idle') {
    const all = count * idleRounds(of.rounds) * IDLE_S;
    return { expected: all, most: 2 * all };
  }
  const lanes = count * scenario.variants.length;
  const warmUps = scenario.kind === 'open-loop' ? 2 : 1;
  const before = lanes * (START_S + warmUps * (of.warmUpS + RUN_S));
  const round = lanes * (of.durationS + RUN_S);
  return { expected: before + of.rounds * round, most: before + roundsMax(of.rounds) * round };
}

/** Memory moves less than time: fewer rounds will do. */
export function idleRounds(rounds: number): number {
  return Math.min(3, rounds);
}

function reasonToStayOut(scenario: Scenario, contender: Contender): string | null {
  const missing = contender.missing();
  if (missing !== null) return missing;
  if (scenario.kind === 'web-socket' && !contender.can.webSocket) return 'passes no WebSocket on';
  if (scenario.variants.some((each) => each.accessLog) && !contender.can.accessLog) {
    return 'is not configured to log into a file here';
  }
  const works = contender.can.works ?? ['forward'];
  if (scenario.variants.some(({ work }) => !works.includes(work))) {
    return 'is not configured for that here';
  }
  const wires = contender.can.wires ?? ['http'];
  if (!wires.includes(scenario.wire)) {
    return `is not configured for ${scenario.wire === 'h2' ? 'HTTP/2' : 'TLS'} here`;
  }
  return null;
}
