// What one worker counts about each plugin: calls, what became of them, and the time that they took.

/** One plugin's numbers since the worker started; the same object across versions of its code. */
export class PluginNumbers {
  calls = 0;
  errors = 0;
  timeouts = 0;
  /** Not asked because it was given a rest. */
  skipped = 0;
  /** Calls that held up the worker for longer than they may. */
  blocked = 0;
  /** Time in ms that calls held up the worker. */
  busyMs = 0;
  /** Time in ms that exchanges waited for promises. */
  waitedMs = 0;
}

/** In the order of the columns of a sample. */
const COLUMNS: readonly (readonly [keyof PluginNumbers, metric: string, help: string])[] = [
  ['calls', 'plugin_calls_total', 'Calls of plugins.'],
  ['errors', 'plugin_errors_total', 'Calls that threw, rejected or gave no valid answer.'],
  ['timeouts', 'plugin_timeouts_total', 'Calls whose promise did not settle in time.'],
  ['skipped', 'plugin_skipped_total', 'Calls left out while a plugin was given a rest.'],
  ['blocked', 'plugin_blocked_total', 'Calls that held up a worker for longer than they may.'],
  ['busyMs', 'plugin_busy_seconds_total', 'Time that calls held up a worker.'],
  ['waitedMs', 'plugin_waited_seconds_total', 'Time that exchanges waited for promises.'],
];

export interface PluginSample {
  readonly plugin: string;
  readonly numbers: readonly number[];
}

/** Reads the numbers of a plugin out. */
export function samplePlugin(plugin: string, numbers: PluginNumbers): PluginSample {
  return { plugin, numbers: COLUMNS.map(([column]) => numbers[column]) };
}

/** Adds up the samples of several workers, by plugin. */
export function mergePlugins(samples: Iterable<PluginSample>): PluginSample[] {
  const sums = new Map<string, number[]>();
  for (const { plugin, numbers } of samples) {
    const sum = sums.get(plugin) ?? COLUMNS.map(() => 0);
    for (const column of COLUMNS.keys()) sum[column]! += numbers[column] ?? 0;
    sums.set(plugin, sum);
  }
  return [...sums].map(([plugin, numbers]) => ({ plugin, numbers }));
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Where the lines go; implemented by prometheus.ts. */
export interface PluginText {
  add(name: string, type: 'counter', help: string, samples: readonly Sample[]): void;
}

/** Adds the lines of the plugins; none without any. */
export function addPlugins(text: PluginText, plugins: readonly PluginSample[]): void {
  for (const [at, [column, metric, help]] of COLUMNS.entries()) {
    const unit = column.endsWith('Ms') ? 1000 : 1;
    const samples = plugins.map(({ plugin, numbers }): Sample => {
      return [{ plugin }, (numbers[at] ?? 0) / unit];
    });
    text.add(metric, 'counter', help, samples);
  }
}
