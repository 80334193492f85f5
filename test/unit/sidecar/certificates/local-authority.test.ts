// The local authority in a real folder: made once, shared, private; and certificates that are renewed.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  authorityFiles,
  internalCertificate,
  internalNames,
} from '../../../../src/config/internal-authority.ts';
import type { Events } from '../../../../src/core/events.ts';
import {
  InternalCertificates,
  type IssuingConfig,
} from '../../../../src/sidecar/certificates/internal-certificates.ts';
import { LocalAuthority } from '../../../../src/sidecar/certificates/local-authority.ts';
import type { Timers } from '../../../../src/std/timers.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const HOUR_MS = 3_600_000;
const ignore = () => {};
const events: Events = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const START_MS = Date.UTC(2026, 10, 21);

/** A folder, a clock that stands, and looks that happen when the test says so. */
function createStage(context: TestContext) {
  const storage = createTempDir(context).file('storage');
  const files = authorityFiles(storage);
  const wish = (names: string[], lifeMs = 12 * HOUR_MS) => {
    const internal = { names: internalNames(names, []), lifeMs };
    return { ...internalCertificate({ storage, ...internal }), internal };
  };
  const configOf = (...wishes: { internal: object }[]) => {
    const listeners = wishes.map(({ internal }) => {
      return { host: null, port: 8443, tls: { internal, automatic: null } };
    });
    return { listeners, certificates: { storage } } as unknown as IssuingConfig;
  };
  let nowMs = START_MS;
  let due: (() => void) | null = null;
  const timers: Timers = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after(_, callback) {
      due = callback;
      return () => {
        due = null;
      };
    },
  };
  const keeper = new InternalCertificates({ events, timers });
  context.after(() => keeper.close());
  const serialOf = (file: string) => new X509Certificate(readFileSync(file)).serialNumber;
  const passMs = (ms: number) => {
    nowMs += ms;
    due?.();
  };
  return { files, wish, configOf, keeper, serialOf, passMs };
}

describe('LocalAuthority', () => {
  it("is made once, by whoever comes first, and is nobody else's to read", (context) => {
    const { files } = createStage(context);
    const one = LocalAuthority.open(files, START_MS);
    const other = LocalAuthority.open(files, START_MS + HOUR_MS);
    assert.equal(one.certificate.fingerprint256, other.certificate.fingerprint256);
    assert.equal(statSync(files.authority).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(files.authority)).mode & 0o777, 0o700);
    assert.ok(!readFileSync(files.root, 'latin1').includes('PRIVATE'));
    assert.ok(new X509Certificate(readFileSync(files.root)).ca);
  });

  it('gives its root again when somebody took the file away', (context) => {
    const { files } = createStage(context);
    LocalAuthority.open(files, START_MS);
    rmSync(files.root);
    LocalAuthority.open(files, START_MS);
    assert.ok(existsSync(files.root));
  });

  it('says what is wrong with a file that holds none', (context) => {
    const { files } = createStage(context);
    LocalAuthority.open(files, START_MS);
    writeFileSync(files.authority, 'half a file');
    assert.throws(() => LocalAuthority.open(files, START_MS), /authority\.pem' holds no authority/);
  });

  it('is made anew when it has expired', (context) => {
    const { files } = createStage(context);
    const first = LocalAuthority.open(files, START_MS);
    const later = LocalAuthority.open(files, START_MS + 3651 * 24 * HOUR_MS);
    assert.notEqual(first.certificate.fingerprint256, later.certificate.fingerprint256);
    assert.equal(readFileSync(files.root, 'latin1'), later.certificate.toString());
  });
});

describe('InternalCertificates', () => {
  it('issues for names, addresses and what is always local, verified by the root', (context) => {
    const { files, wish, configOf, keeper } = createStage(context);
    const wanted = wish(['app.test', '*.app.test', '[2001:db8::1]']);
    keeper.prepare(configOf(wanted));
    const parsed = new X509Certificate(readFileSync(wanted.file));
    for (const name of ['app.test', 'a.app.test', 'localhost']) assert.ok(parsed.checkHost(name));
    for (const address of ['2001:db8::1', '127.0.0.1', '::1']) assert.ok(parsed.checkIP(address));
    const root = new X509Certificate(readFileSync(files.root));
    assert.ok(parsed.checkIssued(root) && parsed.verify(root.publicKey));
    assert.equal(statSync(wanted.file).mode & 0o777, 0o600);
  });

  it('keeps what is good, over restarts as well, and renews at a third of the life', (context) => {
    const { wish, configOf, keeper, serialOf, passMs } = createStage(context);
    const wanted = wish(['app.test']);
    keeper.prepare(configOf(wanted));
    const first = serialOf(wanted.file);
    keeper.follow(configOf(wanted));
    passMs(7.9 * HOUR_MS);
    assert.equal(serialOf(wanted.file), first);
    passMs(0.2 * HOUR_MS);
    const second = serialOf(wanted.file);
    assert.notEqual(second, first);
    passMs(8.1 * HOUR_MS);
    assert.notEqual(serialOf(wanted.file), second);
  });

  it('issues again what is gone, broken, or of another authority', (context) => {
    const { files, wish, configOf, keeper, passMs } = createStage(context);
    const wanted = wish(['app.test']);
    keeper.follow(configOf(wanted));
    rmSync(wanted.file);
    passMs(1);
    assert.ok(existsSync(wanted.file));
    writeFileSync(wanted.file, 'half a file');
    passMs(1);
    assert.ok(new X509Certificate(readFileSync(wanted.file)));
    rmSync(files.authority);
    keeper.follow(configOf(wanted));
    const root = new X509Certificate(readFileSync(files.root));
    assert.ok(new X509Certificate(readFileSync(wanted.file)).verify(root.publicKey));
  });

  it('takes away what has expired and nobody wants, and leaves what another may want', (context) => {
    const { wish, configOf, keeper, passMs } = createStage(context);
    const [old, other, wanted] = [wish(['a.test'], HOUR_MS), wish(['b.test']), wish(['c.test'])];
    keeper.prepare(configOf(old, other));
    passMs(2 * HOUR_MS);
    keeper.follow(configOf(wanted));
    assert.deepEqual(
      [old, other, wanted].map(({ file }) => existsSync(file)),
      [false, true, true],
    );
  });

  it('issues for names that clients of its listeners ask for, so many and no more', (context) => {
    const { files, wish, configOf, keeper, serialOf, passMs } = createStage(context);
    keeper.follow(configOf(wish(['app.test'])));
    assert.equal(keeper.demand('* 8443', 'other.test'), true);
    const file = `${files.asked}/other.test.pem`;
    assert.ok(new X509Certificate(readFileSync(file)).checkHost('other.test'));
    const first = serialOf(file);
    assert.equal(keeper.demand('* 8443', 'other.test'), true);
    assert.equal(serialOf(file), first);
    passMs(8.1 * HOUR_MS);
    keeper.demand('* 8443', 'other.test');
    assert.notEqual(serialOf(file), first);
    for (const [listener, name] of [
      ['* 8444', 'a.test'],
      ['* 8443', '../a'],
      ['* 8443', ''],
      ['* 8443', 'a.'.repeat(110).slice(0, -1)],
    ] as const) {
      assert.equal(keeper.demand(listener, name), false, name);
    }
    for (let at = 1; at < 200; at++) assert.ok(keeper.demand('* 8443', `n${at}.test`));
    assert.equal(keeper.demand('* 8443', 'one-more.test'), false);
    assert.equal(keeper.demand('* 8443', 'n7.test'), true);
    passMs(13 * HOUR_MS);
    assert.equal(keeper.demand('* 8443', 'one-more.test'), true);
  });

  it('does nothing where nobody wants any', (context) => {
    const { files, configOf, keeper } = createStage(context);
    keeper.prepare(configOf());
    keeper.follow(configOf());
    assert.equal(existsSync(files.issued), false);
  });
});
