// What is read out of problem documents, and out of what is none.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AcmeProblem,
  problemOf,
  readProblem,
  readRetryAfter,
} from '../../../../../src/sidecar/certificates/acme/problem.ts';

describe('a problem document', () => {
  it('becomes one line, with everything that is wrong', () => {
    const problem = readProblem(
      JSON.stringify({
        type: 'urn:ietf:params:acme:error:malformed',
        detail: 'Some of the\nidentifiers were rejected',
        subproblems: [
          { detail: 'Invalid underscore', identifier: { type: 'dns', value: '_example.org' } },
          { detail: 'No' },
        ],
      }),
      { status: 403, retryAfterMs: 5000 },
    );
    assert.equal(problem.type, 'malformed');
    assert.equal(
      problem.message,
      'malformed: Some of the identifiers were rejected; _example.org: Invalid underscore; No',
    );
    assert.deepEqual([problem.status, problem.retryAfterMs], [403, 5000]);
  });

  it('may be anything else', () => {
    for (const body of ['', '<html>', '[]', '{"type":7}', 'null', { type: 'about:blank' }]) {
      const { type, message } = readProblem(body, { status: 502 });
      assert.equal(type, 'refused');
      assert.equal(message, 'refused: status 502');
    }
    const long = readProblem({ type: 'x'.repeat(5000), detail: 'y'.repeat(5000) });
    assert.ok(long.message.length < 1300);
  });
});

describe('what was thrown', () => {
  it('is a problem in any case', () => {
    const problem = new AcmeProblem({ type: 'dns', detail: 'no' });
    assert.equal(problemOf(problem), problem);
    const error = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' });
    assert.equal(problemOf(error).message, 'failed: connect failed (ECONNREFUSED)');
    assert.equal(problemOf('what').message, 'failed: what');
  });
});

describe('Retry-After', () => {
  it('is seconds or a date', () => {
    const nowMs = Date.parse('2026-01-01T00:00:00Z');
    assert.equal(readRetryAfter('120', nowMs), 120_000);
    assert.equal(readRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', nowMs), 60_000);
    assert.equal(readRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', nowMs), 0);
    assert.equal(readRetryAfter('soon', nowMs), null);
    assert.equal(readRetryAfter(null, nowMs), null);
  });
});
