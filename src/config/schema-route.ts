// The schema of listeners and routes: where clients come in, and which upstream answers what.

import * as z from 'zod';
import { readHostPattern, readListenHost, readPathPattern } from './addresses.ts';
import { integer, section, size, text } from './fields.ts';
import { requestPart } from './schema-balancing.ts';
import { routeCache } from './schema-cache.ts';

const commonMethods = /^(?:get|head|post|put|patch|delete|options|trace|connect)$/i;
const namePattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;

/** Describes one public address. */
export const listenerSchema = section({
  name: text('a name of 1 to 200 printable ASCII characters', readName)
    .optional()
    .describe("Name for log and metrics; default 'http-PORT'."),
  host: text("an address such as '127.0.0.1' or '::1', or null for every address", readListenHost)
    .nullable()
    .prefault(null)
    .describe('Address to listen on; null for every address, IPv4 and IPv6.'),
  port: integer({ min: 0, max: 65535 }).describe('TCP port; 0 for any free one.'),
}).describe('One public address.');

const host = text("a host such as 'example.com', '*.example.com' or '[::1]'", readHostPattern);
const path = text("a path such as '/exact' or '/prefix/*'", readPathPattern);
const method = text("a method in capitals such as 'GET'", readMethod);

const match = section({
  host: oneOrMany(host, "a host such as 'example.com', or a list of them").describe(
    "Hosts: 'example.com' or '*.example.com'; left out: any.",
  ),
  path: oneOrMany(path, "a path such as '/images/*', or a list of them").describe(
    "Paths: '/exact' or '/prefix/*'; left out: any.",
  ),
  method: oneOrMany(method, "a method such as 'GET', or a list of them").describe(
    'Methods, in capitals as on the wire; left out: any.',
  ),
})
  .prefault({})
  .describe('What a request must look like; every given part must match.');

const upstreamName = z
  .string({ error: 'the name of an upstream' })
  .min(1, { error: 'the name of an upstream' });

const targetError = 'the name of an upstream, or a list of upstreams with weights';

const share = section({
  upstream: upstreamName.describe('The upstream that answers.'),
  weight: integer({ min: 0, max: 1_000_000 })
    .prefault(1)
    .describe('Share of the requests relative to the other upstreams; 0 for none.'),
});

/** Describes which requests go to which upstream; the most specific route wins. */
export const routeSchema = section({
  name: text('a name of 1 to 200 printable ASCII characters', readName)
    .optional()
    .describe('Name for log and metrics; default: made from what it matches.'),
  match,
  to: z
    .union([upstreamName, z.array(share).min(1, { error: targetError })], { error: targetError })
    .transform((value) => (typeof value === 'string' ? [{ upstream: value, weight: 1 }] : value))
    .describe('The upstream that answers, or several with weights.'),
  splitBy: requestPart(['random', 'address'], ['header', 'cookie'])
    .prefault('random')
    .describe("What keeps a client on one of several upstreams; 'random' for nothing."),
  mirror: section({
    to: upstreamName.describe('The upstream that gets copies; its answers are thrown away.'),
    percent: integer({ min: 1, max: 100 })
      .prefault(100)
      .describe('Share of the requests that are copied, in percent.'),
  })
    .nullable()
    .prefault(null)
    .describe('Copies requests to a shadow upstream after they are answered.'),
  priority: integer({ min: -100, max: 100 })
    .prefault(0)
    .describe('Higher goes first where requests wait for a peer.'),
  cache: routeCache,
  requestBodyBytesMax: size({ min: 0, max: 2 ** 50 })
    .optional()
    .describe('Largest request body, 0 for no limit; default limits.requestBodyBytes.'),
}).describe('Which requests go to which upstream; the most specific route wins.');

/** A listener as it is written, before names are filled in. */
export type ListenerDraft = z.output<typeof listenerSchema>;

/** A route as it is written, before names and inherited limits are filled in. */
export type RouteDraft = z.output<typeof routeSchema>;

/** Returns what a route is called when it has no name: made from its match, so that order is no matter. */
export function defaultRouteName(match: RouteDraft['match']): string {
  const methods = match.method.length > 0 ? `${match.method.join(',')} ` : '';
  const hosts = match.host.join(',');
  const paths = match.path.join(',');
  if (methods === '' && hosts === '' && paths === '') return 'default';
  return `${methods}${hosts}${paths === '' ? '/*' : paths}`;
}

/** Methods are case-sensitive (RFC 9110 section 9.1): 'get' would never match, so it is refused. */
function readMethod(value: string): string | null {
  if (!tokenPattern.test(value)) return null;
  return value === value.toUpperCase() || !commonMethods.test(value) ? value : null;
}

function readName(value: string): string | null {
  return namePattern.test(value) ? value : null;
}

function oneOrMany<Item extends z.ZodType<string, string>>(item: Item, error: string) {
  return z
    .union([item, z.array(item)], { error })
    .transform((value) => (Array.isArray(value) ? value : [value]))
    .prefault([]);
}
