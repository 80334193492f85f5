// JSON Schemas of what the admin API answers with: the data of upstream-view.ts, field by field.

import { peerOrigins } from '../../config/live-peer.ts';

type Schema = Readonly<Record<string, unknown>>;

/** An object that has all of these and nothing else. */
function record(properties: Readonly<Record<string, Schema>>): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(properties),
    properties,
  };
}

const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const count: Schema = { type: 'integer', minimum: 0 };
const amount: Schema = { type: 'number', minimum: 0 };
const textOrNull: Schema = { type: ['string', 'null'] };
const date: Schema = { type: ['string', 'null'], format: 'date-time' };
const listOf = (name: string): Schema => {
  return { type: 'array', items: { $ref: `#/components/schemas/${name}` } };
};
const described = (description: string, schema: Schema): Schema => ({ description, ...schema });

const latency = record({ p50Ms: amount, p95Ms: amount, p99Ms: amount });
const headLatency = record({ p50Ms: amount, p90Ms: amount, p99Ms: amount });

const check = record({
  state: described("Verdict of the active checks; 'off': nobody checks it.", text),
  at: described('End of the last check.', date),
  why: described('What the last bad check found.', text),
});

const health = record({
  isHealthy: flag,
  reason: described("Why it gets no work; '' when it does.", text),
  since: described('Since when this is so, as far as this sidecar knows.', date),
  failuresInRow: count,
  timesEjected: count,
  ejectedForMs: amount,
  check,
});

/** Components of the OpenAPI document. */
export const answerSchemas = {
  Upstreams: record({
    version: described('Number of the live configuration.', count),
    upstreams: listOf('Upstream'),
  }),
  Upstream: record({
    name: text,
    balancer: text,
    etag: text,
    discovery: record({
      dns: textOrNull,
      file: textOrNull,
      dnsProblem: described('Why DNS gives nothing new at the moment.', textOrNull),
      dnsAnsweredAt: described('The last good answer.', date),
    }),
    inFlight: described('Attempts that run now, over all workers.', count),
    retriesInFlight: count,
    peersHealthy: count,
    requestsPerSecond: amount,
    errorsPerSecond: amount,
    attempts: described('Since the workers started; the lives of dead workers count.', count),
    failures: count,
    latency: {
      description: 'Of the routes that lead nowhere else, since the workers started.',
      anyOf: [latency, { type: 'null' }],
    },
    breaker: record({ phase: text, since: date, opened: count }),
    peers: listOf('Peer'),
  }),
  Peer: record({
    id: text,
    url: text,
    origin: described('Who named it.', { type: 'string', enum: peerOrigins }),
    weight: count,
    priority: count,
    connectionsMax: count,
    zone: textOrNull,
    draining: flag,
    inFlight: described('Attempts that run now, over all workers.', count),
    requestsPerSecond: amount,
    errorsPerSecond: amount,
    attempts: count,
    failures: count,
    latency: {
      description:
        'From attempt to response head (a timeout counts), all workers together since they started, ' +
        'within 25 %; null before the first.',
      anyOf: [headLatency, { type: 'null' }],
    },
    health,
  }),
  Reload: record({
    version: described('Number of the live configuration.', count),
    isChanged: described('false: it is the same as before.', flag),
  }),
} as const;
