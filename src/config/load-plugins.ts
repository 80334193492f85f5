// Loads the plugins of a configuration in a process of their own, with a time limit, into plain data that
// workers run. None of their code runs in the primary.

import { relative } from 'node:path';
import type { PluginCode } from '../plugin/plugin-code.ts';
import { formatPath, type Path } from './path.ts';
import type { LoadedPlugins, PluginProblem, PluginRequestedBy } from './plugin-child.ts';
import { ConfigError, inOrder, type Place, type Problem } from './problem.ts';
import { explainEnding, readResult, runScript, siblingUrl } from './run-script.ts';
import type { Config } from './schema.ts';

/** Longest evaluation of all plugins together. */
const evaluationMsMax = 10_000;

export interface LoadPluginsOptions {
  readonly cwd: string;
  /** Where a setting was written. */
  readonly placeOf: (path: Path) => Place | null;
  readonly limitMs?: number;
}

/** Returns the code of every plugin by its name. Throws ConfigError. */
export async function loadPlugins(
  config: Config,
  { cwd, placeOf, limitMs = evaluationMsMax }: LoadPluginsOptions,
): Promise<Record<string, PluginCode>> {
  if (config.plugins.length === 0) return {};
  const requested = config.plugins.map(({ name, file }) => {
    return { name, file, uses: usesOf(config, name) };
  });
  const defineUrl = siblingUrl('../plugin/define-plugin');
  const script = `import { loadPlugins } from ${JSON.stringify(siblingUrl('./plugin-child'))};
await loadPlugins(${JSON.stringify(defineUrl)});`;
  const ending = await runScript(script, limitMs, JSON.stringify(requested));
  const loaded = ending.reason === 'ended' ? readResult<LoadedPlugins>(ending) : null;
  if (loaded === null) {
    // Which one it was can't be told when there are several.
    const path: Path = config.plugins.length === 1 ? ['plugins', 0, 'file'] : ['plugins'];
    const message = explainEnding(ending, limitMs);
    throw new ConfigError([{ place: placeOf(path), path: formatPath(path), message }]);
  }
  if (loaded.problems.length > 0) {
    const problems = loaded.problems.map((one) => problemOf(one, cwd, placeOf));
    throw new ConfigError(problems.sort(inOrder));
  }
  return loaded.code;
}

/** Returns what routes want of the plugin. */
function usesOf({ routes }: Config, name: string): PluginRequestedBy['uses'] {
  return routes.flatMap(({ plugins, handler }, at) => [
    ...plugins.flatMap((use, index) => {
      const path = ['routes', at, 'plugins', index];
      return use.name === name ? [{ path, role: 'filter' as const, options: use.options }] : [];
    }),
    ...(handler?.name === name
      ? [{ path: ['routes', at, 'handler'], role: 'handler' as const, options: handler.options }]
      : []),
  ]);
}

function problemOf(
  { file, line, column, path, message }: PluginProblem,
  cwd: string,
  placeOf: (path: Path) => Place | null,
): Problem {
  if (path !== null) return { place: placeOf(path), path: formatPath(path), message };
  const short = relative(cwd, file ?? '');
  const shown = short.startsWith('..') ? (file ?? '') : short;
  const place: Place = { kind: 'file', file: shown, line };
  if (column !== null) place.column = column;
  return { place, path: '', message };
}
