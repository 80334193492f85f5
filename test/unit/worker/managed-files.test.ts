// Waiting for what the sidecar writes: until it is there and whole, and not for ever.

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  createKey,
  issueServerCertificate,
  keyPem,
} from '../../../src/sidecar/certificates/issue.ts';
import { untilIssued } from '../../../src/worker/managed-files.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const HOUR_MS = 3_600_000;

function put(file: string, notAfterMs: number): void {
  const key = createKey();
  const options = { names: ['a.test'], key, issuer: null, notBeforeMs: Date.now() - 2 * HOUR_MS };
  writeFileSync(`${file}.new`, keyPem(key) + issueServerCertificate({ ...options, notAfterMs }));
  renameSync(`${file}.new`, file);
}

describe('untilIssued', () => {
  it('waits until all files hold a certificate that is good', async (context) => {
    const dir = createTempDir(context);
    const files = ['a', 'b', 'c'].map((name) => dir.file(`${name}.pem`));
    put(files[0]!, Date.now() + HOUR_MS);
    put(files[1]!, Date.now() - HOUR_MS);
    writeFileSync(files[2]!, 'half a file');
    let isThere = false;
    const waiting = untilIssued(files, true).then(() => {
      isThere = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(isThere, false);
    put(files[1]!, Date.now() + HOUR_MS);
    put(files[2]!, Date.now() + HOUR_MS);
    await waiting;
  });

  it('gives up on what does not come, and takes what has expired', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const dir = createTempDir(context);
    const now = performance.now();
    let passedMs = 0;
    context.mock.method(performance, 'now', () => now + passedMs);
    const expired = dir.file('expired.pem');
    put(expired, Date.now() - HOUR_MS);
    const old = untilIssued([expired], true);
    const missing = assert.rejects(untilIssued([dir.file('none.pem')], false), /none\.pem/);
    passedMs = 7000;
    await new Promise((resolve) => setImmediate(resolve));
    context.mock.timers.tick(100);
    await old;
    await missing;
  });
});
