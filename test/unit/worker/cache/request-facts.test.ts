// What a request says that matters to the cache, whatever stood in the one before.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import {
  emptyFacts,
  type RequestFacts,
  readRequestFacts,
} from '../../../../src/worker/cache/request-facts.ts';
import { testSeed } from '../../../support/random.ts';

const STEERING = ['x-original-url', 'x_rewrite-url', 'x-http-method-override', 'x-host'];

/** Each question by itself. */
function readPlainly(headers: RawHeaders, keyed: ReadonlySet<string>): RequestFacts {
  const values = (name: string) =>
    headers.filter((_, at) => at % 2 === 1 && headers[at - 1] === name);
  const has = (name: string) => values(name).length > 0;
  const isOfConnection = (value: string) => value.toLowerCase() === 'keep-alive';
  return {
    cacheControl: values('cache-control').join(', '),
    pragma: values('pragma').at(-1) ?? '',
    range: values('range').join(', '),
    ifRange: values('if-range').at(-1) ?? '',
    ifNoneMatch: values('if-none-match').join(', '),
    ifModifiedSince: values('if-modified-since').at(-1) ?? '',
    hasOtherCondition: has('if-match') || has('if-unmodified-since'),
    hasAuthorization: has('authorization'),
    isSteered:
      !values('connection').every(isOfConnection) ||
      STEERING.some((name) => has(name) && !keyed.has(name)),
  };
}

const names = fc.constantFrom(
  ...['cache-control', 'pragma', 'range', 'if-range', 'if-none-match', 'if-modified-since'],
  ...['if-match', 'if-unmodified-since', 'authorization', 'connection', ...STEERING],
  // As long as those, and others.
  ...['accept', 'origin', 'host', 'te', 'x-request-id', 'x-forwarded-fo', 'accept-charset', 'x'],
);
const values = fc.constantFrom('a', 'b=1', 'keep-alive', 'close, x-a', 'Keep-Alive', 'x-a');
const heads = fc.array(fc.tuple(names, values), { maxLength: 8 }).map((fields) => fields.flat());

describe('what a request says', () => {
  it('is found in one pass as by a search for each name', () => {
    const facts = emptyFacts();
    const keyed = new Set(['x-host', 'accept']);
    fc.assert(
      fc.property(heads, (headers) => {
        readRequestFacts(facts, headers, keyed);
        assert.deepEqual(facts, readPlainly(headers, keyed));
      }),
      { seed: testSeed(), numRuns: 1000 },
    );
  });
});
