// Finds the configuration when none is named.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { moduleEndings, textEndings } from './document.ts';

/** Names that are looked for in the working directory, in this order. */
export const defaultFiles = [...moduleEndings, ...textEndings].map(
  (ending) => `sluice.config${ending}`,
);

/** Returns SLUICE_CONFIG, or the first sluice.config.* in `cwd`, or null. */
export function findConfigFile(env: NodeJS.ProcessEnv, cwd: string): string | null {
  const named = env['SLUICE_CONFIG'];
  if (named !== undefined && named !== '') return named;
  return defaultFiles.find((name) => existsSync(resolve(cwd, name))) ?? null;
}
