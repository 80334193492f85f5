// `sluice purge …`: what stands on its command line.

import { readArguments, usage } from './arguments.ts';
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
  const given = readArguments(argv, flags);
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
