// From a command to the request that loads its configuration.

import { defaultFiles, findConfigFile } from '../config/find.ts';
import type { LoadRequest } from '../config/load.ts';
import type { CliIo, ConfigChoice, UsageError } from './command.ts';

/** Returns what to load for run or check; loading it again later is a reload. */
export function toLoadRequest(
  { file, isWithoutFile, flags }: ConfigChoice,
  { env, cwd }: Pick<CliIo, 'env' | 'cwd'>,
): LoadRequest | UsageError {
  const found = isWithoutFile ? null : (file ?? findConfigFile(env, cwd));
  if (found !== null || isWithoutFile) return { file: found, flags, env, cwd };
  const [first, ...others] = defaultFiles;
  const endings = others.map((name) => name.slice('sluice.config'.length)).join(' ');
  const message = `there is no configuration: name a file (sluice run app.yaml), name a backend
(sluice --to http://127.0.0.1:9001), set SLUICE_CONFIG, or put ${first}
(or ${endings}) into ${cwd}`;
  return { name: 'usage', message };
}
