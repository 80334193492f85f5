// `sluice explain`: what stands on its command line.

import { isIP } from 'node:net';
import { readArguments, usage } from './arguments.ts';
import type { ExplainCommand, UsageError } from './command.ts';

const flags = {
  method: { type: 'string', short: 'X' },
  header: { type: 'string', short: 'H', multiple: true },
  body: { type: 'string', short: 'd' },
  client: { type: 'string' },
  country: { type: 'string' },
  route: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const URL_PATTERN = /^https?:\/\/[^\s/?#]+(?:[/?]\S*)?$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Reads the arguments, `explain` included. */
export function parseExplain(
  argv: readonly string[],
): ExplainCommand | UsageError | { readonly name: 'help' } {
  const given = readArguments(argv, flags);
  if ('name' in given) return given;
  const { values, positionals } = given;
  if (values.help === true) return { name: 'help' };
  const words = positionals.slice(1);
  const url = words.find((word) => URL_PATTERN.test(word));
  if (url === undefined) return usage("explain needs a URL such as 'https://example.com/path'");
  const [file = null, surplus] = words.filter((word) => word !== url);
  if (surplus !== undefined) return usage(`explain takes one CONFIG, got '${surplus}' as well`);
  const { method = values.body === undefined ? 'GET' : 'POST', client = '192.0.2.1' } = values;
  if (!TOKEN.test(method)) return usage(`--method: expected a method such as GET, got '${method}'`);
  if (isIP(client) === 0) return usage(`--client: expected an address, got '${client}'`);
  const headers: Record<string, string> = {};
  for (const line of values.header ?? []) {
    const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (!TOKEN.test(name)) return usage(`--header: expected 'name: value', got '${line}'`);
    headers[name.toLowerCase()] = value;
  }
  const { body = null, country = null, route = null } = values;
  const place = { country, continent: null, asn: 0 };
  return {
    ...{ name: 'explain', file, isWithoutFile: false, flags: [], route },
    request: { request: `${method} ${url}`, headers, body, client, ...place },
    isJson: values.json === true,
  };
}
