// Certificates in files: what is read from them, when they are told to be near their end, and what tickets
// are sealed with.

import assert from 'node:assert/strict';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isExpiring, WatchedCertificates } from '../../../src/worker/certificates.ts';
import { isExposed, readCertificate } from '../../../src/worker/listener/certificate.ts';
import { TICKET_PERIOD_MS, ticketKeysAt } from '../../../src/worker/listener/node/ticket-keys.ts';
import { createAuthority } from '../../support/certificates.ts';
import { until } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { recordEvents } from '../primary/fake-fleet.ts';

const DAY_MS = 24 * 3_600_000;

describe('a certificate', () => {
  it('is read with its names and dates, and with no key but its own', (t) => {
    const folder = createTempDir(t);
    const authority = createAuthority(t);
    const files = { certFile: folder.file('a.crt'), keyFile: folder.file('a.key') };
    const { cert, key } = authority.issue('A.test');
    writeFileSync(files.certFile, cert);
    writeFileSync(files.keyFile, key, { mode: 0o600 });
    const read = readCertificate(files);
    assert.deepEqual(read.names, ['a.test']);
    assert.equal(read.keyType, 'ec');
    assert.equal(Math.round((read.notAfterMs - read.notBeforeMs) / DAY_MS), 2);
    assert.equal(isExposed(files.keyFile), false);
    chmodSync(files.keyFile, 0o640);
    assert.equal(isExposed(files.keyFile), true);
    writeFileSync(files.keyFile, authority.issue('b.test').key);
    assert.throws(() => readCertificate(files), /is not that of the certificate/);
  });

  it('expires soon two weeks before its end, or after three quarters of a short life', () => {
    const of = (days: number) => ({ notBeforeMs: 0, notAfterMs: days * DAY_MS }) as never;
    assert.equal(isExpiring(of(90), 75 * DAY_MS), false);
    assert.equal(isExpiring(of(90), 77 * DAY_MS), true);
    assert.equal(isExpiring(of(8), 5 * DAY_MS), false);
    assert.equal(isExpiring(of(8), 7 * DAY_MS), true);
  });
});

describe('certificates that are watched', () => {
  it('are taken over one by one: what is broken keeps nobody else from being renewed', async (t) => {
    const folder = createTempDir(t);
    const authority = createAuthority(t);
    const put = (name: string, text?: string) => {
      const { cert, key } = authority.issue(`${name}.test`);
      writeFileSync(folder.file('new'), text ?? cert + key, { mode: 0o600 });
      renameSync(folder.file('new'), folder.file(name));
    };
    for (const name of ['a', 'b', 'c']) put(name);
    const files = ['a', 'b', 'c'].map((name) => {
      return { certFile: folder.file(name), keyFile: folder.file(name) };
    });
    const events = recordEvents();
    const watched = new WatchedCertificates(files, { events, tells: true });
    t.after(() => watched.close());
    let changes = 0;
    watched.watch(() => {
      changes += 1;
    });
    const before = watched.current;
    put('a', 'no certificate');
    put('b');
    await until(() => watched.current[1] !== before[1], { what: 'b is taken over' });
    // Those that stayed are the same objects: what was made of them is good still.
    assert.equal(watched.current[0], before[0]);
    assert.equal(watched.current[2], before[2]);
    put('a');
    await until(() => watched.current[0] !== before[0], { what: 'a is taken over' });
    assert.equal(changes, 2);
    const told = new Set(events.list.map(({ level, message }) => `${level}: ${message}`));
    assert.deepEqual(
      [...told],
      [
        'error: certificates can not be used, the last good ones stay',
        'info: certificates are changed',
      ],
    );
  });
});

describe('keys of session tickets', () => {
  it('are the same for one secret and period, and others otherwise', () => {
    const key = ticketKeysAt('secret', 5);
    assert.equal(key.length, 48);
    assert.deepEqual(ticketKeysAt('secret', TICKET_PERIOD_MS - 1), key);
    assert.notDeepEqual(ticketKeysAt('secret', TICKET_PERIOD_MS), key);
    assert.notDeepEqual(ticketKeysAt('other', 5), key);
    assert.notDeepEqual(key.subarray(16, 32), key.subarray(32));
  });
});
