// What is wrong with a configuration, as tests compare it.

import assert from 'node:assert/strict';
import { parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problem.ts';

/** Returns each problem as `path: message`; none when the configuration is valid. */
export function problemsOf(config: unknown): string[] {
  try {
    parseConfig(config);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}
