// The single source of the configuration: its shape, types, defaults, descriptions and messages.
// Parsing completes it; what needs more than one field at a time is in check-semantics.

import { availableParallelism } from 'node:os';
import * as z from 'zod';
import { limits as bounds, KIB, MIB } from '../core/limits.ts';
import type { PluginCode } from '../plugin/plugin-code.ts';
import { readCidr, readListenHost } from './addresses.ts';
import { choice, duration, flag, integer, section, size, text } from './fields.ts';
import { zoneName } from './schema-balancing.ts';
import { cacheStorage } from './schema-cache.ts';
import { certificates } from './schema-certificates.ts';
import { errorPagesSchema, pagesOfRoute } from './schema-error-pages.ts';
import { geoSchema, jsonBodiesSchema, matchersSchema } from './schema-match.ts';
import { offload } from './schema-offload.ts';
import { overload } from './schema-overload.ts';
import { pathsSchema } from './schema-paths.ts';
import { defaultPluginName, pluginsSchema } from './schema-plugins.ts';
import { redis } from './schema-rate-limit.ts';
import { defaultRouteName, listenerSchema, routeSchema } from './schema-route.ts';
import { testsSchema } from './schema-tests.ts';
import { settleTls, settleWire } from './schema-tls.ts';
import { type UpstreamConfig, upstreamSchema } from './schema-upstream.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;
const GIB = 1024 * MIB;

const coresError = "'auto' or a whole number from 1 to 256";
const coresNumber = z
  .number({ error: coresError })
  .int({ error: coresError })
  .min(1, { error: coresError })
  .max(256, { error: coresError });

const cores = z
  .union([z.literal('auto'), coresNumber], { error: coresError })
  .transform((value) => (value === 'auto' ? availableParallelism() : value))
  .prefault('auto')
  .describe("Worker processes; 'auto' for one per processor.");

const fieldName = text("a header field name such as 'server'", (name) =>
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(name) ? name.toLowerCase() : null,
);

const headers = section({
  forwarded: choice(['both', 'x-forwarded', 'rfc7239', 'off'])
    .prefault('both')
    .describe('Which fields tell peers about the client: X-Forwarded-*, Forwarded, or both.'),
  via: text("a name without spaces such as 'edge-1', or null", (name) =>
    /^[!#$%&'*+.^_`|~0-9A-Za-z:-]{1,256}$/.test(name) ? name : null,
  )
    .nullable()
    .prefault(null)
    .describe('Name put into Via, both ways; null for no Via.'),
  removeFromResponse: z
    .array(fieldName, { error: 'a list of header field names' })
    .prefault(['server', 'x-powered-by', 'x-aspnet-version', 'x-aspnetmvc-version'])
    .describe("Fields removed from peers' responses."),
})
  .prefault({})
  .describe('Header fields that Sluice sets or removes.');

const limits = section({
  connectionsPerClient: integer({ min: 0, max: 1_000_000 })
    .prefault(0)
    .describe(
      'Most connections of a client (a /64 of IPv6); more are closed. 0 for any. Not for trustedProxies.',
    ),
  requestHeadBytes: size({ min: 4 * KIB, max: 1 * MIB })
    .prefault(`${bounds.requestHeadBytes / KIB}KiB`)
    .describe('Largest request line and header fields together; more gets 431.'),
  requestHeaderCount: integer({ min: 8, max: bounds.requestHeaderCount })
    .prefault(bounds.requestHeaderCount)
    .describe('Most header fields of a request; more gets 431.'),
  requestBodyBytes: size({ min: 0, max: 2 ** 50 })
    .prefault(0)
    .describe('Largest request body, 0 for no limit; more gets 413.'),
  uploadBytesPerSecond: size({ min: 0, max: 2 ** 40 })
    .prefault(0)
    .describe('Least rate of a request body while its peer takes all of it; 0 for any.'),
  responseHeadBytes: size({ min: 1 * KIB, max: 16 * MIB })
    .prefault(`${bounds.responseHeadBytes / KIB}KiB`)
    .describe("Largest head of a peer's response; more gets 502."),
  replayBytes: size({ min: 0, max: 64 * MIB })
    .prefault(`${bounds.replayBytes / KIB}KiB`)
    .describe('Request body bytes held for a repeated attempt.'),
  streamBufferBytes: size({ min: 4 * KIB, max: 64 * MIB })
    .prefault(`${bounds.streamHighWaterBytes / KIB}KiB`)
    .describe('Bytes held per stream and direction before the sender is paused.'),
  webSocketMessageBytes: size({ min: 1, max: 1 * GIB })
    .prefault(`${bounds.webSocketMessageBytes / MIB}MiB`)
    .describe('Largest WebSocket message; more ends the connection.'),
  exchangesMax: integer({ min: 1, max: 10_000_000 })
    .prefault(16_384)
    .describe('Exchanges in flight per worker; more get 503.'),
})
  .prefault({})
  .describe('What one client or peer may cost; full means refused at once, by name.');

const timeouts = section({
  requestHeadMs: duration({ min: secondMs, max: hourMs })
    .prefault('20s')
    .describe('Engine node: limit for a request head, TLS included; then 408. Engine uws: 10 s.'),
  clientIdleMs: duration({ min: secondMs, max: dayMs })
    .prefault('75s')
    .describe('Engine node: unused connections are closed after this. Engine uws: 10 s.'),
  requestBodyIdleMs: duration({ min: 1, max: dayMs })
    .prefault('60s')
    .describe('Limit between two pieces of a request body; then 408.'),
  uploadPaceMs: duration({ min: secondMs, max: hourMs })
    .prefault('10s')
    .describe('So long a request body may be slower than limits.uploadBytesPerSecond; then 408.'),
  webSocketIdleMs: duration({ min: secondMs, max: 30 * dayMs })
    .prefault('1h')
    .describe('A WebSocket without traffic is closed after this.'),
  drainMs: duration({ min: 0, max: dayMs })
    .prefault('30s')
    .describe('What still runs this long after a stop or reload is cut.'),
})
  .prefault({})
  .describe('How long clients may take; those for peers are in the upstreams.');

const log = section({
  level: choice(['debug', 'info', 'warn', 'error', 'silent'])
    .prefault('info')
    .describe('Least serious event that is logged.'),
  access: choice(['json', 'combined', 'off'])
    .prefault('json')
    .describe("Form of the access log; 'combined' is that of nginx and Apache."),
  accessFile: z
    .string({ error: "a file path, or '-' for standard output" })
    .min(1, { error: "a file path, or '-' for standard output" })
    .prefault('-')
    .describe("File of the access log; '-' for standard output."),
})
  .prefault({})
  .describe('Events and the access log.');

const admin = section({
  enabled: flag().prefault(true).describe('Serve /healthz, /readyz and /metrics.'),
  host: text("an address such as '127.0.0.1'", readListenHost)
    .prefault('127.0.0.1')
    .describe('Address of the admin server; keep it private.'),
  port: integer({ min: 0, max: 65535 })
    .prefault(9900)
    .describe('Port of the admin server; 0 for any free one.'),
})
  .prefault({})
  .describe('Health and metrics, on an address of their own.');

const upstreamName = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/;

/** Describes a configuration as it is written; without names and limits that depend on other fields. */
const writtenSchema = section({
  cores,
  zone: zoneName().describe('Where this proxy is; peers of the same zone are used first.'),
  listeners: z
    .array(listenerSchema, { error: 'a list of listeners' })
    .min(1, { error: 'at least one listener' })
    .prefault([{ port: 8080 }])
    .describe('Public addresses.'),
  upstreams: z
    .record(
      z.string().regex(upstreamName, {
        error: "a name of letters, digits, '-', '_' and '.', such as 'app'",
      }),
      upstreamSchema,
      { error: 'a map of upstreams by name' },
    )
    .describe('Groups of backend servers, by name.'),
  routes: z
    .array(routeSchema, { error: 'a list of routes' })
    .min(1, { error: 'at least one route' })
    .describe('Which requests go where; the most specific wins, whatever the order.'),
  matchers: matchersSchema,
  plugins: pluginsSchema,
  paths: pathsSchema,
  geo: geoSchema,
  jsonBodies: jsonBodiesSchema,
  errorPages: errorPagesSchema,
  tests: testsSchema,
  trustedProxies: z
    .array(text("an address or CIDR block such as '10.0.0.0/8'", readCidr), {
      error: 'a list of addresses and CIDR blocks',
    })
    .prefault([])
    .describe('Senders whose forwarding headers are believed; nobody by default.'),
  headers,
  cache: cacheStorage,
  certificates,
  limits,
  timeouts,
  offload,
  overload,
  redis,
  log,
  admin,
}).describe('Configuration of Sluice.');

/** Describes and completes a whole configuration: anything as written in, `Config` out. */
export const configSchema = writtenSchema.transform((written) => ({
  ...written,
  listeners: settleListeners(written),
  plugins: written.plugins.map(({ name, file, ...settings }) => {
    return { name: name ?? defaultPluginName(file), file, ...settings };
  }),
  // Filled in when they are loaded.
  pluginCode: {} as Record<string, PluginCode>,
  routes: written.routes.map((route) => ({
    name: route.name ?? defaultRouteName(route.match),
    match: route.match,
    to: route.to ?? [],
    redirect: route.redirect,
    respond: route.respond,
    close: route.close,
    handler: route.handler,
    maintenance: route.maintenance,
    rewrite: route.rewrite,
    requestHeaders: route.requestHeaders,
    responseHeaders: route.responseHeaders,
    mapBack: route.mapBack,
    replaceBody: route.replaceBody,
    errorPages: pagesOfRoute(route.errorPages, written.errorPages),
    splitBy: route.splitBy,
    mirror: route.mirror,
    priority: route.priority,
    cache: route.cache,
    clients: route.clients,
    rateLimits: route.rateLimits,
    concurrency: route.concurrency,
    bandwidth: route.bandwidth,
    filter: route.filter,
    plugins: route.plugins,
    access: route.access,
    cors: route.cors,
    compress: route.compress,
    requestBodyBytesMax: route.requestBodyBytesMax ?? written.limits.requestBodyBytes,
  })),
}));

/** The effective configuration: complete, plain data; durations in ms, sizes in bytes. */
export type Config = z.output<typeof configSchema>;
export type ListenerConfig = Config['listeners'][number];
export type RouteConfig = Config['routes'][number];
export type { UpstreamConfig };

/** Returns a configuration as it can be written again: without the code of plugins. */
export function settingsOf({ pluginCode: _, ...settings }: Config): Omit<Config, 'pluginCode'> {
  return settings;
}

/** A configuration as people write it. */
export type ConfigInput = z.input<typeof configSchema>;

function settleListeners({ listeners, routes, certificates }: z.output<typeof writtenSchema>) {
  const surroundings = {
    hosts: routes.flatMap(({ match }) => match.host),
    canProveWildcards: certificates.acme.dnsHook !== null,
    isPlainPortFree: !listeners.some(({ port, tls }) => port === 80 || tls?.redirectFrom === 80),
  };
  return listeners.map(({ name, host, port, tls: written, proxyFrom, ...wire }, index) => {
    const samePort = listeners.filter((other) => other.name === undefined && other.port === port);
    const kind = written === null ? 'http' : 'https';
    const isShared = samePort.length > 1 && host !== null;
    const short = isShared ? `${kind}-${host}-${port}` : `${kind}-${port}`;
    const settled = settleWire({ ...wire, tls: written, proxyFrom });
    const isFirst = listeners.findIndex((other) => other.tls !== null) === index;
    const isPlainPortFree = surroundings.isPlainPortFree && isFirst;
    const tls =
      written === null ? null : settleTls(written, { ...surroundings, port, isPlainPortFree });
    return { name: name ?? short, host, port, ...settled, tls, proxyFrom };
  });
}
