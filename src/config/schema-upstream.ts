// The schema of one upstream: its peers, and how Sluice talks to them. Who gets an attempt is in
// schema-balancing, whose health counts in schema-health.

import * as z from 'zod';
import { isDnsName, readHostHeader } from './addresses.ts';
import { atMost, choice, duration, flag, integer, section, text } from './fields.ts';
import { discovery, hash, peers, slowStart, sticky } from './schema-balancing.ts';
import { fastcgi } from './schema-fastcgi.ts';
import { active, breaker, ejection, hedge, outlier } from './schema-health.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;

const keepAlive = section({
  idleMs: duration({ min: 0, max: hourMs })
    .prefault('4s')
    .describe("Unused connections are closed after this, or as the peer's Keep-Alive field says."),
  requestsMax: integer({ min: 1, max: 1_000_000_000 })
    .prefault(1000)
    .describe('A connection is closed after this many requests.'),
  ageMs: duration({ min: secondMs, max: 30 * dayMs })
    .prefault('1h')
    .describe('A connection is closed at this age, once it is idle.'),
})
  .prefault({})
  .describe('Reuse of connections to peers.');

const timeouts = section({
  connectMs: duration({ min: 1, max: hourMs })
    .prefault('4s')
    .describe('Limit for connecting to a peer, TLS included.'),
  headMs: duration({ min: 1, max: dayMs })
    .prefault('60s')
    .describe('Limit from the sent request to the response head.'),
  bodyIdleMs: duration({ min: 1, max: dayMs })
    .prefault('60s')
    .describe('Limit between two pieces of a response body.'),
})
  .prefault({})
  .describe('How long each phase with a peer may take; the whole exchange has no limit.');

const retry = section({
  retriesMax: integer({ min: 0, max: 10 })
    .prefault(1)
    .describe('Further attempts after the first, each on another peer; 0 for none.'),
  backoffBaseMs: duration({ min: 0, max: 60 * secondMs })
    .prefault('25ms')
    .describe('Base of the randomised exponential wait before a retry.'),
  backoffMaxMs: duration({ min: 0, max: 60 * secondMs })
    .prefault('250ms')
    .describe('Longest wait before a retry.'),
  budgetPercent: integer({ min: 0, max: 100 })
    .prefault(20)
    .describe('Largest share of active exchanges that may be retries, in percent.'),
  budgetMin: integer({ min: 0, max: 1_000_000 })
    .prefault(3)
    .describe('This many retries may run whatever the share.'),
  statuses: z
    .array(integer({ min: 400, max: 599 }), { error: 'a list of statuses such as [500, 503]' })
    .max(200, { error: 'at most 200 statuses' })
    .prefault([])
    .describe('Responses with these statuses count like failed attempts.'),
})
  .check(atMost('backoffBaseMs', 'backoffMaxMs'))
  .prefault({})
  .describe('When a failed attempt is repeated on another peer.');

const tls = section({
  verify: flag()
    .prefault(true)
    .describe('Verify the certificates of https peers; false is for tests only.'),
  caFile: z
    .string({ error: 'the path of a PEM file, or null' })
    .min(1, { error: 'the path of a PEM file, or null' })
    .nullable()
    .prefault(null)
    .describe("PEM file with the authorities to trust; null for the system's own list."),
  certFile: z
    .string({ error: 'the path of a PEM file, or null' })
    .min(1, { error: 'the path of a PEM file, or null' })
    .nullable()
    .prefault(null)
    .describe('PEM file with the certificate shown to peers that ask for one; null for none.'),
  keyFile: z
    .string({ error: 'the path of a PEM file, or null' })
    .min(1, { error: 'the path of a PEM file, or null' })
    .nullable()
    .prefault(null)
    .describe('PEM file with its private key.'),
  serverName: text("a DNS name such as 'app.internal', or null", (name) =>
    isDnsName(name.toLowerCase()) ? name.toLowerCase() : null,
  )
    .nullable()
    .prefault(null)
    .describe("Name sent as SNI and expected in the certificate; null for the peer's host."),
})
  .prefault({})
  .describe('TLS to https peers.');

/** Connections of undici are shared by clients, and FastCGI has a field for them. */
function canSendProxy(context: z.core.ParsePayload<WrittenProxy>): void {
  const { sendProxy, transport, peers } = context.value;
  const isFastcgi = peers.some(({ url }) => url.startsWith('fastcgi'));
  if (sendProxy === 'off' || (transport === 'http1' && !isFastcgi)) return;
  const message = `'off' with ${isFastcgi ? 'FastCGI peers' : "transport 'undici'"}`;
  context.issues.push({ code: 'custom', path: ['sendProxy'], message, input: sendProxy });
}

interface WrittenProxy {
  readonly sendProxy: string;
  readonly transport: string;
  readonly peers: readonly { readonly url: string }[];
}

/** Describes a named group of peers. */
export const upstreamSchema = section({
  peers,
  balancer: choice([
    'power-of-two',
    'round-robin',
    'random',
    'least-connections',
    'ewma',
    'ip-hash',
    'hash',
    'first',
  ])
    .prefault('power-of-two')
    .describe('How a peer is picked for an attempt (docs/balancing.md).'),
  hash,
  discovery,
  slowStart,
  sticky,
  panicPercent: integer({ min: 0, max: 100 })
    .prefault(50)
    .describe('With a smaller share of healthy peers all are used, healthy or not; 0 for never.'),
  transport: choice(['http1', 'undici'])
    .prefault('http1')
    .describe("'http1': own fast HTTP/1.1; 'undici': also HTTP/2 where the peer speaks it."),
  h2c: flag()
    .prefault(false)
    .describe("HTTP/2 without TLS, to http peers that all speak it; needs transport 'undici'."),
  sendProxy: choice(['off', 'v1', 'v2'])
    .prefault('off')
    .describe(
      "Begin connections with a PROXY header, which makes them for one client each; transport 'http1'.",
    ),
  hostHeader: text("'client', 'peer' or a host such as 'app.internal:8080'", readHostHeader)
    .prefault('client')
    .describe("Host sent to peers: 'client' as received, 'peer' the peer's own, else this text."),
  pipelining: integer({ min: 1, max: 256 })
    .prefault(1)
    .describe('Requests in flight on one connection (GET and HEAD without body only); 1 is off.'),
  connectionsMax: integer({ min: 1, max: 1_000_000 })
    .prefault(1024)
    .describe('Open connections to all peers, all workers together.'),
  pendingMax: integer({ min: 0, max: 1_000_000 })
    .prefault(1024)
    .describe('Exchanges that may wait for a connection, all workers together; more get 503.'),
  pendingTimeoutMs: duration({ min: 0, max: hourMs })
    .prefault('4s')
    .describe('Longest wait for a connection; then 503.'),
  keepAlive,
  timeouts,
  retry,
  ejection,
  active,
  outlier,
  breaker,
  hedge,
  tls,
  fastcgi,
})
  .check(canSendProxy)
  .describe('A named group of peers, and how Sluice talks to them.');

/** The effective settings of one upstream. */
export type UpstreamConfig = z.output<typeof upstreamSchema>;
