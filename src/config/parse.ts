// Turns raw data into a complete Config, or says everything that is wrong with it.

import { type Config, configSchema } from './schema.ts';

/** Returns the effective configuration for `raw` (plain data as written). Throws on invalid data. */
export function parseConfig(raw: unknown): Config {
  return configSchema.parse(raw);
}
