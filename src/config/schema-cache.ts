// The schema of the cache: what a route keeps and for how long (`routes[].cache`), and where all of it is
// kept (`cache`).

import * as z from 'zod';
import { KIB, limits, MIB } from '../core/limits.ts';
import { readCidr } from './addresses.ts';
import { choice, duration, flag, integer, section, size, text } from './fields.ts';

const hourMs = 3600_000;
const dayMs = 24 * hourMs;
const yearMs = 365 * dayMs;
const GIB = 1024 * MIB;

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const statusPattern = /^(?:[2-5]\d\d|[2-5]xx)$/;
const conditionError =
  "one of 'header:NAME', 'cookie:NAME', 'query:NAME', each with or without '=VALUE', and 'path:/PREFIX/*'";

const fieldNames = (expected: string) =>
  z.array(
    text("a header field name such as 'x-device'", (name) =>
      tokenPattern.test(name) ? name.toLowerCase() : null,
    ),
    { error: expected },
  );

const names = (expected: string) =>
  z.array(
    text('a name without spaces', (name) => (/^[!-~]{1,256}$/.test(name) ? name : null)),
    { error: expected },
  );

const conditions = () =>
  z.array(text(conditionError, readCondition), { error: 'a list of conditions' });

const key = section({
  query: choice(['exact', 'sorted', 'none', 'only', 'without'])
    .prefault('exact')
    .describe(
      "Query in the key: as it is, with its parameters sorted, none of it, 'only' or 'without' those of queryNames (sorted).",
    ),
  queryNames: names('a list of parameter names')
    .prefault([])
    .describe("Parameters meant by query 'only' and 'without'; 'utm_*' for all that begin so."),
  headers: fieldNames('a list of header field names')
    .prefault([])
    .describe('Request fields whose values are part of the key.'),
  cookies: names('a list of cookie names')
    .prefault([])
    .describe('Cookies whose values are part of the key.'),
  device: flag()
    .prefault(false)
    .describe('Keeps answers for phones, tablets and other clients apart (User-Agent).'),
})
  .prefault({})
  .describe('What makes two requests the same, besides scheme, host and path.');

const options = section({
  originDirectives: choice(['respect', 'ignore'])
    .prefault('respect')
    .describe("'ignore': only lifetimesMs counts, not Cache-Control and Expires of the peers."),
  clientDirectives: choice(['respect', 'ignore'])
    .prefault('respect')
    .describe("'ignore': clients can't ask for validation or for nothing stale (Cache-Control)."),
  lifetimesMs: z
    .record(
      z.string().regex(statusPattern, { error: "a status such as '404' or '5xx'" }),
      duration({ min: 0, max: yearMs }).describe('Freshness of answers with this status.'),
      { error: 'a map of statuses to durations' },
    )
    .prefault({})
    .describe(
      "How long answers without a lifetime of their own are fresh, by status: '404' or '5xx'.",
    ),
  heuristicPercent: integer({ min: 0, max: 100 })
    .prefault(10)
    .describe(
      'Freshness of answers without any lifetime, in percent of the time since Last-Modified.',
    ),
  heuristicMaxMs: duration({ min: 0, max: yearMs })
    .prefault('24h')
    .describe('Longest freshness that is guessed from Last-Modified.'),
  staleWhileRevalidateMs: duration({ min: 0, max: yearMs })
    .prefault(0)
    .describe('Stale answers are served this long while they are refreshed, if peers say nothing.'),
  staleIfErrorMs: duration({ min: 0, max: yearMs })
    .prefault('10s')
    .describe('Stale answers are served this long when peers fail, if peers say nothing.'),
  earlyRefresh: flag()
    .prefault(true)
    .describe('Refreshes what is asked for often a little before it becomes stale.'),
  collapse: flag()
    .prefault(true)
    .describe('Sends one request for many that ask for the same at the same time.'),
  headAsGet: flag()
    .prefault(true)
    .describe(
      'A HEAD that finds nothing is sent as GET, and its answer kept, as nginx and Varnish do.',
    ),
  passMs: duration({ min: 0, max: hourMs })
    .prefault('120s')
    .describe('How long nobody waits for another after an answer that must not be stored.'),
  objectBytesMax: size({ min: 1, max: limits.cacheObjectBytes })
    .prefault('16MiB')
    .describe('Largest body that is stored.'),
  key,
  bypass: conditions()
    .prefault([])
    .describe("Requests that don't use the cache: 'cookie:session', 'path:/admin/*'."),
  noStore: conditions()
    .prefault([])
    .describe('Requests that are answered from the cache, but never fill it.'),
  storesSetCookie: flag()
    .prefault(false)
    .describe(
      'Stores answers with Set-Cookie, without that field. Only where cookies are no secret.',
    ),
  statusName: text("a name such as 'sluice', or null", (name) =>
    /^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]{0,63}$/.test(name) ? name : null,
  )
    .nullable()
    .prefault(null)
    .describe('Name under which Cache-Status tells clients what the cache did; null for no field.'),
  purgeFrom: z
    .array(text("an address or CIDR block such as '10.0.0.0/8'", readCidr), {
      error: 'a list of addresses and CIDR blocks',
    })
    .prefault([])
    .describe('Clients whose PURGE requests are obeyed; nobody by default.'),
});

const routeCacheError = 'true, false or a map of settings';

/** Describes what a route keeps; null when it keeps nothing. */
export const routeCache = z
  .union([z.boolean(), options], { error: routeCacheError })
  .transform((value) => {
    if (typeof value !== 'boolean') return value;
    return value ? options.parse({}) : null;
  })
  .nullable()
  .prefault(null)
  .describe('Keeps answers for further requests: true, or how.');

const diskError = 'a directory and its size';

/** Describes where answers are kept. */
export const cacheStorage = section({
  memoryBytes: size({ min: 64 * KIB, max: 1024 * GIB })
    .prefault('64MiB')
    .describe('Memory for answers, per worker.'),
  disk: z
    .strictObject(
      {
        path: z
          .string({ error: 'the path of a directory' })
          .min(1, { error: 'the path of a directory' })
          .describe('Directory of its own; made when it is missing.'),
        bytes: size({ min: 1 * MIB, max: 2 ** 50 })
          .prefault('1GiB')
          .describe('Most that is kept in it.'),
      },
      { error: diskError },
    )
    .nullable()
    .prefault(null)
    .describe('Directory shared by all workers that survives restarts; null for memory only.'),
})
  .prefault({})
  .describe('Where the answers are kept that routes cache.');

/** What a route keeps, complete. */
export type CacheConfig = z.output<typeof options>;
/** Where answers are kept, complete. */
export type CacheStorageConfig = z.output<typeof cacheStorage>;

function readCondition(written: string): string | null {
  const [, kind, name = '', value] =
    /^(header|cookie|query):([^=]+)(?:=(.*))?$/.exec(written) ?? [];
  if (kind === undefined) return /^path:\/[!-~]*$/.test(written) ? written : null;
  if (!/^[!-~]{1,256}$/.test(name)) return null;
  if (value !== undefined && !/^[ -~]{0,1024}$/.test(value)) return null;
  const text = kind === 'header' ? name.toLowerCase() : name;
  return `${kind}:${text}${value === undefined ? '' : `=${value}`}`;
}
