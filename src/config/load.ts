// Loads a configuration: reads the file, lays environment and flags over it, checks and completes it, and
// looks at its plugins.

import { emptyDocument, readDocument } from './document.ts';
import { loadPlugins } from './load-plugins.ts';
import { completeConfig, type LoadedConfig, type Overlays } from './parse.ts';

/** What a configuration is made from; the same request loads it again on reload. */
export interface LoadRequest extends Overlays {
  /** Relative to `cwd`; left out or null: flags and environment only. */
  readonly file?: string | null;
  readonly cwd?: string;
}

/** Loads and checks a configuration. Throws ConfigError, which names every problem at once. */
export async function loadConfig(request: LoadRequest): Promise<LoadedConfig> {
  const cwd = request.cwd ?? process.cwd();
  const document =
    request.file == null ? emptyDocument(cwd) : await readDocument(request.file, cwd);
  const loaded = completeConfig(document, request, cwd);
  const { config, placeOf } = loaded;
  config.pluginCode = await loadPlugins(config, { cwd, placeOf });
  return loaded;
}
