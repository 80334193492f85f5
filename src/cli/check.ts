// `sluice check`: validates a configuration and shows what it comes to.

import { listEnvNames } from '../config/environment.ts';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/parse.ts';
import { formatPath, valueAt } from '../config/path.ts';
import { formatConfig, formatSetting } from '../config/print.ts';
import { ConfigError, formatProblem } from '../config/problem.ts';
import { settingsOf } from '../config/schema.ts';
import { type CheckCommand, type CliIo, exitCodes } from './command.ts';
import { toLoadRequest } from './request.ts';

/** Runs the command; returns the exit code. */
export async function runCheck(command: CheckCommand, io: CliIo): Promise<number> {
  const request = toLoadRequest(command, io);
  if ('name' in request) {
    io.stderr(`sluice: ${request.message}\n`);
    return exitCodes.usage;
  }
  try {
    const loaded = await loadConfig(request);
    if (!command.isJson)
      for (const one of loaded.warnings) io.stderr(`warning: ${formatProblem(one)}\n`);
    io.stdout(
      command.isJson ? formatJson(loaded) : formatFor(command, request.file ?? null, loaded),
    );
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (command.isJson) io.stdout(toJson({ valid: false, problems: error.problems }));
    else io.stderr(`sluice: ${error.message}`);
    return exitCodes.invalidConfig;
  }
}

function formatFor({ show }: CheckCommand, file: string | null, loaded: LoadedConfig): string {
  if (show === 'print') return formatConfig(loaded);
  if (show === 'env') return formatEnvironment(loaded);
  const { listeners, upstreams, routes, plugins } = loaded.config;
  const groups = Object.values(upstreams);
  const peers = groups.reduce((sum, { peers }) => sum + peers.length, 0);
  const parts = [
    count(listeners.length, 'listener'),
    `${count(groups.length, 'upstream')} with ${count(peers, 'peer')}`,
    count(routes.length, 'route'),
    ...(plugins.length === 0 ? [] : [count(plugins.length, 'plugin')]),
  ];
  return `${file ?? 'the command line'} is valid: ${parts.join(', ')}\n`;
}

function formatEnvironment({ config, origins }: LoadedConfig): string {
  const blocks = listEnvNames(config).map(({ name, path, description }) => {
    const value = formatSetting(valueAt(config, path), path);
    const origin = origins.get(formatPath(path)) ?? 'default';
    return `# ${description}\n${`${name}=${value}`.padEnd(56)} # ${origin}\n`;
  });
  const head = '# A list grows by the variable with the next index. Flags win over all of these.\n';
  return [head, ...blocks].join('\n');
}

function formatJson({ config, origins, warnings }: LoadedConfig): string {
  return toJson({
    valid: true,
    config: settingsOf(config),
    origins: Object.fromEntries(origins),
    warnings,
  });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
