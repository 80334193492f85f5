// The schema of how the health of peers is judged: by probes, by real traffic, and what is done when a
// whole upstream does badly.

import * as z from 'zod';
import { readHostPattern } from './addresses.ts';
import { atMost, choice, decimal, duration, flag, integer, section, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;

/** Describes passive health: failures in a row. */
export const ejection = section({
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

/** Describes active health: probes. */
export const active = section({
  type: choice(['off', 'http', 'tcp'])
    .prefault('off')
    .describe(
      "'http': a request must be answered as expected; 'tcp': a connection must come about.",
    ),
  path: text("a path such as '/healthz'", (path) => (/^\/[!-"$-~]*$/.test(path) ? path : null))
    .prefault('/')
    .describe('Target of the probe, query included.'),
  method: choice(['GET', 'HEAD', 'OPTIONS']).prefault('GET').describe('Method of the probe.'),
  host: text("a host such as 'app.internal:8080', or null", readHost)
    .nullable()
    .prefault(null)
    .describe("Host sent with the probe; null for the peer's own."),
  status: text("statuses such as '200-399' or '200,204'", readStatuses)
    .prefault('200-399')
    .describe('Statuses that count as healthy.'),
  body: z
    .string({ error: 'a text of 1 to 1000 characters, or null' })
    .min(1, { error: 'a text of 1 to 1000 characters, or null' })
    .max(1000, { error: 'a text of 1 to 1000 characters, or null' })
    .nullable()
    .prefault(null)
    .describe('Text that must occur in the first 64 KiB of the answer; null for any.'),
  intervalMs: duration({ min: 10, max: dayMs })
    .prefault('5s')
    .describe('Time between two probes of a healthy peer, give or take a tenth.'),
  downIntervalMs: duration({ min: 10, max: dayMs })
    .prefault('1s')
    .describe('Time between two probes of a peer that is down or not known yet.'),
  timeoutMs: duration({ min: 1, max: hourMs })
    .prefault('2s')
    .describe('A probe that takes longer has failed.'),
  fall: integer({ min: 1, max: 1000 })
    .prefault(3)
    .describe('This many failed probes in a row take a peer out.'),
  rise: integer({ min: 1, max: 1000 })
    .prefault(2)
    .describe('This many good probes in a row bring it back.'),
})
  .prefault({})
  .describe('Active health: every peer is probed, once for all workers.');

/** Describes passive health: peers that do worse than the others. */
export const outlier = section({
  enabled: flag()
    .prefault(true)
    .describe('Leave out peers whose success rate is far below the mean.'),
  deviations: decimal({ min: 0, max: 100 })
    .prefault(1.9)
    .describe('So many standard deviations below the mean is too far.'),
  peersMin: integer({ min: 2, max: 10_000 })
    .prefault(5)
    .describe('Fewer peers with enough requests are not compared.'),
  requestsMin: integer({ min: 1, max: 1_000_000_000 })
    .prefault(100)
    .describe('A peer with fewer requests in the window is not judged.'),
  windowMs: duration({ min: 100, max: hourMs })
    .prefault('10s')
    .describe('Time over which success rates are compared.'),
})
  .prefault({})
  .describe('Passive health: peers with more failures than the others are left out for a while.');

/** Describes the circuit breaker of a whole upstream. */
export const breaker = section({
  enabled: flag().prefault(false).describe('Refuse requests while most of them fail.'),
  windowMs: duration({ min: 100, max: hourMs })
    .prefault('10s')
    .describe('Time over which the error rate is counted.'),
  requestsMin: integer({ min: 1, max: 1_000_000_000 })
    .prefault(20)
    .describe('With fewer requests in the window nothing is judged.'),
  errorPercent: integer({ min: 1, max: 100 })
    .prefault(50)
    .describe('Share of failures that opens the breaker, in percent.'),
  openMs: duration({ min: 1, max: dayMs })
    .prefault('10s')
    .describe('How long everything is refused.'),
  rampMs: duration({ min: 0, max: dayMs })
    .prefault('10s')
    .describe('After that, the share let through grows to all of them in this time.'),
})
  .prefault({})
  .describe('Circuit breaker: gives a failing upstream time to recover.');

/** Describes when a second attempt is begun before the first has answered. */
export const hedge = section({
  enabled: flag()
    .prefault(false)
    .describe('Begin a second attempt, on another peer, for idempotent requests that take long.'),
  percentile: integer({ min: 1, max: 99 })
    .prefault(95)
    .describe('It begins once this percentile of the times to the response head is over.'),
  delayMinMs: duration({ min: 0, max: hourMs })
    .prefault('10ms')
    .describe('It never begins earlier than this.'),
})
  .prefault({})
  .describe('Hedging: two attempts, of which the first answer counts.');

function readHost(written: string): string | null {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:*]*)(?::(\d{1,5}))?$/.exec(written) ?? [];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return null;
  const name = readHostPattern(host);
  return name === null || port === undefined ? name : `${name}:${Number(port)}`;
}

/** Reads '200', '200-399' and lists of them; returns them without spaces. */
function readStatuses(written: string): string | null {
  const value = written.replaceAll(' ', '');
  if (value.length > 200) return null;
  const isGood = value.split(',').every((range) => {
    const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(range) ?? [];
    return from !== undefined && Number(from) <= Number(to);
  });
  return isGood ? value : null;
}
