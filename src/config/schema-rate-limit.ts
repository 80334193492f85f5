// The schema of rate limits: how many requests of whom in which time, and the Redis that hosts share.

import * as z from 'zod';
import { choice, duration, integer, section, size, text } from './fields.ts';

const secondMs = 1000;
const dayMs = 24 * 3600 * secondMs;
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

const limitName = text('a name of letters, digits, - and _', (name) =>
  /^[A-Za-z0-9_-]{1,64}$/.test(name) ? name : null,
)
  .nullable()
  .prefault(null);

const limitKey = text(
  "'address', 'route', 'user', 'header:NAME', 'cookie:NAME' or 'claim:NAME'",
  readKey,
).prefault('address');

const rateLimit = section({
  name: limitName.describe("Name in answers and the log; null: 'limit-1' and so on."),
  key: limitKey.describe(
    "Whose requests are counted together; 'address' takes a /64 of IPv6 for one.",
  ),
  requests: integer({ min: 1, max: 1_000_000_000 }).describe('Requests allowed in perMs.'),
  perMs: duration({ min: 1, max: 31 * dayMs })
    .prefault('1s')
    .describe('The time in which so many requests are allowed.'),
  burst: integer({ min: 1, max: 1_000_000_000 })
    .nullable()
    .prefault(null)
    .describe('Requests that may come at once; null: as many as requests.'),
  delayMaxMs: duration({ min: 0, max: 60 * secondMs })
    .prefault(0)
    .describe('A request that comes too early waits so long at most; 0: it is refused at once.'),
  scope: choice(['host', 'worker', 'redis'])
    .prefault('host')
    .describe(
      "Who counts together: 'host' all workers, 'worker' each for itself, 'redis' all hosts.",
    ),
  keysMax: integer({ min: 16, max: 16_777_216 })
    .prefault(65_536)
    .describe('Keys that each worker counts at a time, 24 bytes each.'),
}).describe('So many requests of one kind in one time.');

/** Describes the rate limits of a route; a request has to keep all of them. */
export const rateLimits = z
  .array(rateLimit, { error: 'a list of rate limits' })
  .max(16, { error: 'at most 16 rate limits' })
  .prefault([])
  .describe('How many requests pass (docs/rate-limits.md); the rest gets 429.');

const concurrencyLimit = section({
  name: limitName.describe("Name in the log; null: 'concurrency-1' and so on."),
  key: limitKey.describe(
    "Whose requests are counted together; 'address' takes a /64 of IPv6 for one.",
  ),
  max: integer({ min: 1, max: 1_000_000 }).describe('Requests that may run at a time.'),
}).describe('So many requests of one kind at a time.');

/** Describes how many requests of a route may run at a time in each worker. */
export const concurrency = z
  .array(concurrencyLimit, { error: 'a list of limits' })
  .max(16, { error: 'at most 16 limits' })
  .prefault([])
  .describe('How many requests run at a time in each worker (docs/rate-limits.md); else 429.');

/** Describes how fast a response goes to its client. */
export const bandwidth = section({
  bytesPerSecond: size({ min: 128, max: 2 ** 40 }).describe(
    "Rate of one response; a second's worth goes at once.",
  ),
  afterBytes: size({ min: 0, max: 2 ** 50 })
    .prefault(0)
    .describe('So much of a response goes at full speed first.'),
})
  .nullable()
  .prefault(null)
  .describe('How fast a response goes to its client (docs/rate-limits.md).');

/** Describes the Redis that hosts share. */
export const redis = section({
  url: text("a URL such as 'redis://127.0.0.1:6379', or null", (url) =>
    /^rediss?:\/\/\S+$/.test(url) && URL.canParse(url) ? url : null,
  )
    .nullable()
    .prefault(null)
    .describe("Redis for limits of scope 'redis'; null for none."),
  timeoutMs: duration({ min: 1, max: 10 * secondMs })
    .prefault('50ms')
    .describe('Longest wait for its answer.'),
  whenDown: choice(['local', 'open', 'closed'])
    .prefault('local')
    .describe(
      "While it can not be asked: 'local' this host counts, 'open' all pass, 'closed' none.",
    ),
})
  .prefault({})
  .describe('What several hosts count together.');

function readKey(key: string): string | null {
  if (key === 'address' || key === 'route' || key === 'user') return key;
  const [, kind, name = ''] = /^(header|cookie|claim):(.+)$/.exec(key) ?? [];
  if (kind === undefined || !tokenPattern.test(name)) return null;
  return kind === 'header' ? `header:${name.toLowerCase()}` : key;
}
