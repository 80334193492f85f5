// What the commands' readers of arguments have in common.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { UsageError } from './command.ts';

/** Splits `argv` into flags and words; a usage error names a flag that isn't among `options`. */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    // The first sentence names the flag; the rest is advice for programs with positional dashes.
    const [first = ''] = (error as Error).message.split(/[.\n]/);
    return usage(first.charAt(0).toLowerCase() + first.slice(1));
  }
}

/** What is wrong with a command line. */
export function usage(message: string): UsageError {
  return { name: 'usage', message };
}
