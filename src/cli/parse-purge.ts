// `sluice purge …`: what stands on its command line.

import { parseArgs } from 'node:util';
import type { PurgeCliCommand, UsageError } from './command.ts';

const flags = {
  admin: { type: 'string' },
  prefix: { type: 'string' },
  tag: { type: 'string' },
  all: { type: 'boolean' },
  soft: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the arguments of `sluice purge`, that word included. */
export function parsePurge(
  argv: readonly string[],
): PurgeCliCommand | UsageError | { readonly name: 'help' } {
  const given = read(argv);
  if ('name' in given) return given;
  const { values, positionals } = given;
  if (values.help === true) return { name: 'help' };
  const [, url, surplus] = positionals;
  if (surplus !== undefined) return usage(`purge takes one URL, '${surplus}' is too much`);
  const { prefix, tag, all, soft = false } = values;
  const named = { ...(url && { url }), ...(prefix && { prefix }), ...(tag && { tag }) };
  const what = all === true ? { ...named, all } : named;
  if (Object.keys(what).length !== 1) {
    return usage('purge needs one of URL, --prefix URL, --tag TAG and --all');
  }
  const common = { admin: values.admin ?? null, isJson: values.json === true };
  return { name: 'purge', body: { ...what, soft }, ...common };
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true });
  } catch (error) {
    const [first = ''] = (error as Error).message.split(/[.\n]/);
    return usage(first.charAt(0).toLowerCase() + first.slice(1));
  }
}

function usage(message: string): UsageError {
  return { name: 'usage', message };
}
