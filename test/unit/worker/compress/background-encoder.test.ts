// Denser encodings in the background: one at a time, within bounds, whatever becomes of the threads.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContentCoding } from '../../../../src/core/compression.ts';
import { BackgroundEncoder, JOBS_MAX } from '../../../../src/worker/compress/background-encoder.ts';
import { until } from '../../../support/deadline.ts';
import { decoded, FakeThreads, page } from './bodies.ts';

describe('the encoder in the background', () => {
  function job(made: (encoded: Uint8Array) => void) {
    const coding: ContentCoding = 'gzip';
    const body = () => new Uint8Array(page(5000));
    return { make: () => ({ body: body(), coding, level: 9 }), made };
  }

  it('does one thing at a time, and rests in between', async () => {
    const threads = new FakeThreads();
    const encoder = new BackgroundEncoder(threads);
    encoder.configure(0.5);
    const done: number[] = [];
    for (let at = 0; at < 3; at++) {
      encoder.add(
        job((encoded) => {
          done.push(at);
          assert.equal(decoded(Buffer.from(encoded), 'gzip').length, 5000);
        }),
      );
      assert.equal(threads.tasks, 1);
    }
    await until(() => done.length === 3, { what: 'all are done' });
    assert.deepEqual(done, [0, 1, 2]);
    encoder.close();
  });

  it('holds no more jobs than its bound, and none when it is off', () => {
    const encoder = new BackgroundEncoder(new FakeThreads());
    encoder.add(job(() => {}));
    assert.equal(encoder.jobs, 0);
    encoder.configure(0.1);
    for (let at = 0; at < JOBS_MAX * 2; at++) encoder.add(job(() => {}));
    assert.equal(encoder.jobs, JOBS_MAX);
    encoder.close();
    assert.equal(encoder.jobs, 0);
  });

  it('passes over what nobody wants any more', async () => {
    const threads = new FakeThreads();
    const encoder = new BackgroundEncoder(threads);
    encoder.configure(1);
    const unwanted = { make: () => null, made: () => assert.fail('nothing was made') };
    const made: Uint8Array[] = [];
    for (const one of [unwanted, unwanted, job((body) => made.push(body))]) encoder.add(one);
    await until(() => made.length === 1, { what: 'the last one is made' });
    assert.equal(threads.tasks, 1);
    encoder.close();
  });

  it('goes on when a thread dies or there is none', async () => {
    const threads = new FakeThreads();
    const encoder = new BackgroundEncoder(threads);
    encoder.configure(1);
    threads.failure = new Error('out of memory');
    encoder.add(job(() => assert.fail('nothing was made')));
    await until(() => threads.tasks === 1, { what: 'it was tried' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    threads.failure = null;
    let isMade = false;
    encoder.add(
      job(() => {
        isMade = true;
      }),
    );
    await until(() => isMade, { what: 'the next one is made' });
    encoder.close();
  });
});
