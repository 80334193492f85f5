// The schema of listeners and routes: where clients come in, and which upstream answers what.

import * as z from 'zod';
import type { RouteMatch } from '../routing/match.ts';
import { readListenHost } from './addresses.ts';
import { flag, integer, section, size, text } from './fields.ts';
import { access, clients, cors } from './schema-access.ts';
import { maintenanceSchema, redirectSchema, respondSchema } from './schema-action.ts';
import { requestPart } from './schema-balancing.ts';
import { routeCache } from './schema-cache.ts';
import { routeCompress } from './schema-compress.ts';
import { errorPagesSchema } from './schema-error-pages.ts';
import { filter } from './schema-filter.ts';
import { matchSchema } from './schema-match.ts';
import { routeHandler, routePlugins } from './schema-plugins.ts';
import { bandwidth, concurrency, rateLimits } from './schema-rate-limit.ts';
import {
  headerEditsSchema,
  mapBackSchema,
  replaceBodySchema,
  responseEditsSchema,
  rewriteSchema,
} from './schema-rewrite.ts';
import { listenerEngine, listenerHttp2, listenerProxyFrom, listenerTls } from './schema-tls.ts';

const namePattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;

/** Describes one public address. */
export const listenerSchema = section({
  name: text('a name of 1 to 200 printable ASCII characters', readName)
    .optional()
    .describe("Name for log and metrics; default 'http-PORT' or 'https-PORT'."),
  host: text("an address such as '127.0.0.1' or '::1', or null for every address", readListenHost)
    .nullable()
    .prefault(null)
    .describe('Address to listen on; null for every address, IPv4 and IPv6.'),
  port: integer({ min: 0, max: 65535 }).describe('TCP port; 0 for any free one.'),
  engine: listenerEngine,
  http2: listenerHttp2,
  tls: listenerTls,
  proxyFrom: listenerProxyFrom,
}).describe('One public address.');

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
  match: matchSchema,
  to: z
    .union([upstreamName, z.array(share).min(1, { error: targetError })], { error: targetError })
    .transform((value) => (typeof value === 'string' ? [{ upstream: value, weight: 1 }] : value))
    .optional()
    .describe('The upstream that answers, or several with weights.'),
  redirect: redirectSchema,
  respond: respondSchema,
  close: flag()
    .prefault(false)
    .describe('true: closes the connection without an answer; in place of an upstream.'),
  handler: routeHandler,
  maintenance: maintenanceSchema,
  rewrite: rewriteSchema,
  requestHeaders: headerEditsSchema('Changes to the header fields for the peer.'),
  responseHeaders: responseEditsSchema,
  mapBack: mapBackSchema,
  replaceBody: replaceBodySchema,
  errorPages: errorPagesSchema,
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
  clients,
  rateLimits,
  concurrency,
  bandwidth,
  filter,
  plugins: routePlugins,
  access,
  cors,
  cache: routeCache,
  compress: routeCompress,
  requestBodyBytesMax: size({ min: 0, max: 2 ** 50 })
    .optional()
    .describe('Largest request body, 0 for no limit; default limits.requestBodyBytes.'),
}).describe('Which requests go to which upstream; the most specific route wins.');

/** A listener as it is written, before names are filled in. */
export type ListenerDraft = z.output<typeof listenerSchema>;

/** A route as it is written, before names and inherited limits are filled in. */
export type RouteDraft = z.output<typeof routeSchema>;

/** Returns what a route is called when it has no name: made from its match, so that order is no matter. */
export function defaultRouteName(match: Pick<RouteMatch, 'host' | 'path' | 'method'>): string {
  const methods = match.method.length > 0 ? `${match.method.join(',')} ` : '';
  const hosts = match.host.join(',');
  const paths = match.path.join(',');
  if (methods === '' && hosts === '' && paths === '') return 'default';
  return `${methods}${hosts}${paths === '' ? '/*' : paths}`;
}

function readName(value: string): string | null {
  return namePattern.test(value) ? value : null;
}
