// The schema of what a request must look like: the matches of routes, and matchers with a name.

import { isIP } from 'node:net';
import * as z from 'zod';
import { KIB } from '../core/limits.ts';
import { regexProblem } from '../routing/bounded-regex.ts';
import { isJsonPointer } from '../routing/json-value.ts';
import { readCidr, readHostPattern, readPathPattern } from './addresses.ts';
import { choice, integer, section, size, text } from './fields.ts';

const commonMethods = /^(?:get|head|post|put|patch|delete|options|trace|connect)$/i;
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

const host = text("a host such as 'example.com', '*.example.com' or '[::1]'", readHostPattern);
const path = text(
  "a path such as '/exact', '/prefix/*', '/users/:id' or '~^/v[0-9]+/'",
  readPathMatch,
);
const method = text("a method in capitals such as 'GET'", readMethod);
const cidr = text("an address or CIDR block such as '10.0.0.0/8'", readClient);
const country = text("a country code in capitals such as 'DE'", (code) =>
  /^[A-Z]{2}$/.test(code) ? code : null,
);
const continents = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'] as const;
const value = text("a value, '*' for any, or '~' and an expression in RE2's syntax", (wanted) =>
  wanted.startsWith('~') && regexProblem(wanted.slice(1)) !== null ? null : wanted,
);
const matcherName = text("a name of letters, digits, '-' and '_', such as 'internal'", (name) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : null,
);

const fieldName = z
  .string()
  .regex(tokenPattern, { error: "a header field name such as 'x-beta'" })
  .transform((name) => name.toLowerCase());
const cookieName = z.string().regex(tokenPattern, { error: 'the name of a cookie' });
const jsonPointer = z.string().refine((one) => isJsonPointer(one) && one.length <= 256, {
  error: "a JSON pointer such as '/user/tier'",
});
const queryName = z.string().min(1, { error: 'the name of a parameter' });

const terms = {
  host: oneOrMany(host, "a host such as 'example.com', or a list of them").describe(
    "Hosts: 'example.com' or '*.example.com'; left out: any.",
  ),
  path: oneOrMany(path, "a path such as '/images/*', or a list of them").describe(
    "Paths: '/exact', '/prefix/*', '/users/:id' or '~regex'; left out: any.",
  ),
  method: oneOrMany(method, "a method such as 'GET', or a list of them").describe(
    'Methods, in capitals as on the wire; left out: any.',
  ),
  scheme: choice(['http', 'https'])
    .nullable()
    .prefault(null)
    .describe('How the client came, as far as trusted proxies tell; null: either.'),
  header: valuesByName(fieldName, 'header fields').describe(
    "Values of header fields by name: a text, '*' for any, '~regex', or a list of them.",
  ),
  cookie: valuesByName(cookieName, 'cookies').describe('Values of cookies by name.'),
  query: valuesByName(queryName, 'query parameters').describe(
    'Values of query parameters by name, decoded.',
  ),
  json: valuesByName(jsonPointer, 'values in JSON').describe(
    "Values in a JSON body by JSON pointer: '/user/tier' (docs/routing.md).",
  ),
  client: oneOrMany(cidr, 'an address or CIDR block, or a list of them').describe(
    'Addresses of clients; left out: any.',
  ),
  country: oneOrMany(country, 'a country code, or a list of them').describe(
    'Countries of clients by ISO 3166-1 code; needs geo.files.',
  ),
  continent: oneOrMany(choice(continents), 'a continent code, or a list of them').describe(
    'Continents of clients: AF, AN, AS, EU, NA, OC or SA; needs geo.files.',
  ),
  asn: oneOrMany(
    integer({ min: 1, max: 2 ** 32 - 1 }),
    'the number of an autonomous system, or a list of them',
  ).describe('Autonomous systems of clients by number; needs geo.files.'),
  is: oneOrMany(matcherName, 'the name of a matcher, or a list of them').describe(
    'Matchers by name; all must match.',
  ),
};

const alternatives = z.array(section(terms), { error: 'a list of matches' }).prefault([]);

const match = section({
  ...terms,
  all: alternatives.describe('Every one of these must match as well.'),
  any: alternatives.describe('At least one of these must match.'),
  not: alternatives.describe('None of these may match.'),
});

/** Describes what a request must look like. */
export const matchSchema = match
  .prefault({})
  .describe('What a request must look like; every given part must match.');

/** Describes matches that routes refer to by name. */
export const matchersSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: "a name such as 'internal'" }),
    match.describe('What a request must look like to be called so.'),
    { error: 'a map of matches by name' },
  )
  .prefault({})
  .describe("Matches by name, for 'is' in other matches.");

/** Describes how bodies are read for conditions. */
export const jsonBodiesSchema = section({
  bytesMax: size({ min: 16, max: 1024 * KIB })
    .prefault('16KiB')
    .describe('Longest body that is read, and so much is held of each request that waits for it.'),
  unreadable: choice(['pass', 'refuse'])
    .prefault('pass')
    .describe(
      "A body that is too long, encoded or malformed: 'pass' matches no value, 'refuse' gets 413, 415 or 400.",
    ),
})
  .prefault({})
  .describe("How bodies are read where routes ask for 'json' (docs/routing.md).");

/** Describes where the places of clients are looked up. */
export const geoSchema = section({
  files: z
    .array(z.string().min(1, { error: 'a file path' }), { error: 'a list of file paths' })
    .prefault([])
    .describe('Databases in MaxMind DB format (.mmdb): countries, cities, systems; watched.'),
})
  .prefault({})
  .describe('Where clients are: for country, continent and asn in matches.');

/** Builds a list that may be written as its only item. */
export function oneOrMany<Item extends z.ZodType>(item: Item, error: string) {
  return z
    .union([item, z.array(item)], { error })
    .transform((written) => (Array.isArray(written) ? written : [written]) as z.output<Item>[])
    .prefault([] as never);
}

function valuesByName<Name extends z.ZodType<string, string>>(name: Name, what: string) {
  return z
    .record(name, oneOrMany(value, 'a value or a list of them').describe('Values that match.'), {
      error: `a map of ${what}`,
    })
    .prefault({} as never);
}

/** Methods are case-sensitive (RFC 9110 section 9.1): 'get' would never match, so it is refused. */
function readMethod(written: string): string | null {
  if (!tokenPattern.test(written)) return null;
  return written === written.toUpperCase() || !commonMethods.test(written) ? written : null;
}

function readPathMatch(written: string): string | null {
  if (!written.startsWith('~')) return readPathPattern(written);
  const isPlain = /^[ -~]+$/.test(written) && written.length > 1;
  return isPlain && regexProblem(written.slice(1)) === null ? written : null;
}

function readClient(written: string): string | null {
  const block = readCidr(written);
  return block !== null && isIP(block.split('/')[0]!) !== 0 ? block : null;
}
