// The schema of one upstream: its peers, and how Sluice talks to them.

import * as z from 'zod';
import { isDnsName, readHostHeader, readPeerUrl } from './addresses.ts';
import { atMost, choice, duration, flag, integer, section, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;

const peerUrl = text(
  "a peer URL of scheme, host and port only, such as 'http://127.0.0.1:9001'",
  readPeerUrl,
).describe("Where the peer listens: 'http://host:port' or 'https://host', without path and query.");

const peerObject = section({
  url: peerUrl,
  weight: integer({ min: 1, max: 1000 })
    .prefault(1)
    .describe('Share of the load relative to the other peers.'),
});

const peer = z
  .union([peerUrl, peerObject], { error: 'a peer URL, or an object with url and weight' })
  .transform((value) => (typeof value === 'string' ? { url: value, weight: 1 } : value))
  .describe('One backend server.');

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
})
  .check(atMost('backoffBaseMs', 'backoffMaxMs'))
  .prefault({})
  .describe('When a failed attempt is repeated on another peer.');

const ejection = section({
  failuresInRow: integer({ min: 0, max: 1_000_000 })
    .prefault(5)
    .describe('A peer is left out after this many failures in a row; 0 for never.'),
  baseMs: duration({ min: 1, max: dayMs })
    .prefault('10s')
    .describe('How long it is left out, times how often it has been.'),
  maxMs: duration({ min: 1, max: dayMs })
    .prefault('5m')
    .describe('Longest time a peer is left out.'),
})
  .check(atMost('baseMs', 'maxMs'))
  .prefault({})
  .describe('Passive health: peers that fail in real traffic are left out for a while.');

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
  serverName: text("a DNS name such as 'app.internal', or null", (name) =>
    isDnsName(name.toLowerCase()) ? name.toLowerCase() : null,
  )
    .nullable()
    .prefault(null)
    .describe("Name sent as SNI and expected in the certificate; null for the peer's host."),
})
  .prefault({})
  .describe('TLS to https peers.');

/** Describes a named group of peers. */
export const upstreamSchema = section({
  peers: z
    .array(peer, { error: 'a list of peers' })
    .min(1, { error: 'at least one peer' })
    .max(10_000, { error: 'at most 10000 peers' })
    .describe('The backend servers of this upstream.'),
  balancer: choice(['round-robin'])
    .prefault('round-robin')
    .describe('How a peer is picked for an attempt.'),
  transport: choice(['http1', 'undici'])
    .prefault('http1')
    .describe("'http1': own fast HTTP/1.1; 'undici': also HTTP/2 where the peer speaks it."),
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
  tls,
}).describe('A named group of peers, and how Sluice talks to them.');

/** The effective settings of one upstream. */
export type UpstreamConfig = z.output<typeof upstreamSchema>;
