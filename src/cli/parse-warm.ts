// `sluice warm`: what stands on its command line.

import { readArguments, usage } from './arguments.ts';
import type { UsageError, WarmCommand } from './command.ts';
import { readAddress } from './flags.ts';

const flags = {
  via: { type: 'string' },
  parallel: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const parallelMax = 1000;

/** Reads the arguments, `warm` included. */
export function parseWarm(
  argv: readonly string[],
): WarmCommand | UsageError | { readonly name: 'help' } {
  const given = readArguments(argv, flags);
  if ('name' in given) return given;
  const { values, positionals } = given;
  if (values.help === true) return { name: 'help' };
  const [, file, surplus] = positionals;
  if (file === undefined) return usage("warm needs a FILE of URLs, or '-' for standard input");
  if (surplus !== undefined) return usage(`warm takes one FILE, got '${surplus}' as well`);
  const via = values.via === undefined ? null : readAddress(values.via);
  if (values.via !== undefined && (via === null || via.port < 1 || via.port > 65_535)) {
    return usage(`--via: expected [HOST]:PORT such as ':8080', got '${values.via}'`);
  }
  const parallel = Number(values.parallel ?? 8);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > parallelMax) {
    return usage(`--parallel: expected 1 to ${parallelMax}, got '${values.parallel}'`);
  }
  const address = via === null ? null : { host: via.host ?? '127.0.0.1', port: via.port };
  return { name: 'warm', file, via: address, parallel };
}
