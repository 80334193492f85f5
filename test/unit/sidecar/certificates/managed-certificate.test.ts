// The life of a certificate against authorities with moods: got, kept, renewed, tried again. Time is set by
// hand, the files and the protocol are real.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { certificateFile } from '../../../../src/config/certificate-files.ts';
import { parseConfig } from '../../../../src/config/parse.ts';
import { Issuer } from '../../../../src/sidecar/certificates/issuer.ts';
import { putPlaceholder, readKept } from '../../../../src/sidecar/certificates/kept-certificate.ts';
import { ManagedCertificate } from '../../../../src/sidecar/certificates/managed-certificate.ts';
import { CertificateStorage } from '../../../../src/sidecar/certificates/storage.ts';
import { FakeAuthority } from '../../../support/fake-authority.ts';
import { createTempDir } from '../../../support/temp-dir.ts';
import { recordEvents } from '../../primary/fake-fleet.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
const name = 'a.test';

interface BenchOptions {
  readonly authorities?: number;
  readonly acme?: object;
  readonly storage?: string;
  readonly isAllowed?: () => boolean;
}

/** A certificate with its authorities, and a clock that stands still. */
function start(context: TestContext, options: BenchOptions = {}) {
  const root = options.storage ?? createTempDir(context).path;
  const storage = new CertificateStorage(root);
  const fakes = Array.from({ length: options.authorities ?? 1 }, (_, at) => {
    return new FakeAuthority({ url: `https://ca${at}.test/directory`, context });
  });
  const events = recordEvents();
  const { acme } = parseConfig({
    certificates: {
      storage: root,
      acme: {
        authorities: fakes.map((_, at) => ({ directory: `https://ca${at}.test/directory` })),
        ...options.acme,
      },
    },
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: 'app' }],
  }).certificates;
  const issuer = new Issuer(acme, {
    storage,
    events,
    connect: ({ directory }) => fakes[Number(/ca(\d)/.exec(directory)?.[1])]!,
  });
  const clock = { aheadMs: 0, waits: [] as number[] };
  const counts = { issued: 0, failed: 0 };
  const managed = new ManagedCertificate({
    name,
    storage,
    issuer: () => issuer,
    retry: () => acme,
    takeTurn: () => Promise.resolve(() => {}),
    isAllowed: () => Promise.resolve(options.isAllowed?.() ?? true),
    onIssued: () => {
      counts.issued += 1;
    },
    onFailed: () => {
      counts.failed += 1;
    },
    events,
    timers: {
      nowMs: () => performance.now(),
      wallMs: () => Date.now() + clock.aheadMs,
      after: (delayMs) => {
        clock.waits.push(delayMs);
        return () => {};
      },
    },
    random: () => 0.5,
  });
  context.after(() => managed.close());
  putPlaceholder(certificateFile(root, name), [name]);
  return { managed, fakes, fake: fakes[0]!, events, clock, counts, storage, issuer };
}

function messagesOf({ events }: ReturnType<typeof start>): string[] {
  return events.list.filter(({ level }) => level !== 'debug').map(({ message }) => message);
}

describe('a managed certificate', () => {
  it('is self-signed until the first one is there, which lies in one file for nobody else', async (context) => {
    const bench = start(context);
    const file = certificateFile(bench.storage.root, name);
    const placeholder = new X509Certificate(readFileSync(file));
    assert.equal(placeholder.checkHost(name), name);
    assert.equal(bench.managed.state.state, 'pending');
    await bench.managed.look();
    const kept = await readKept(bench.storage, name);
    assert.equal(kept?.authority, 'https://ca0.test/directory');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, 'utf8'), /^-----BEGIN CERT[\s\S]*-----END PRIVATE KEY-----\n$/);
    const { state } = bench.managed;
    assert.equal(state.state, 'valid');
    assert.equal(state.current?.serial, kept.serial);
    assert.deepEqual(messagesOf(bench), ['certificate is issued']);
    // Looked at again long before it is due.
    assert.deepEqual(bench.clock.waits, [10 * MINUTE_MS]);
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 1);
  });

  it('is renewed with a third of its life left, with another key', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    const file = certificateFile(bench.storage.root, name);
    const keyBefore = readFileSync(file, 'utf8').split('-----BEGIN PRIVATE')[1];
    bench.clock.aheadMs = 59.9 * DAY_MS;
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 1);
    bench.clock.aheadMs = 60.1 * DAY_MS;
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 2);
    assert.notEqual(readFileSync(file, 'utf8').split('-----BEGIN PRIVATE')[1], keyBefore);
    assert.equal(bench.fake.replaced.length, 1);
  });

  it('is renewed when its authority says so, in the middle of the window by this chance', async (context) => {
    const bench = start(context);
    const date = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
    await bench.managed.look();
    bench.fake.moods.advice = {
      ...{ start: date(10), end: date(12), explanationURL: 'https://ca.test/why' },
    };
    bench.clock.aheadMs = 10.9 * DAY_MS;
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 1);
    assert.ok(messagesOf(bench).includes('authority explains when to renew'));
    bench.clock.aheadMs = 11.1 * DAY_MS;
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 2);
    assert.equal(bench.fake.replaced.length, 1);
    // What the authority says about the next one counts for that.
    await bench.managed.look();
    assert.ok(bench.managed.state.renewAtMs! <= Date.parse(date(12)));
  });

  it('is renewed by its dates when its authority advises to wait for too long', async (context) => {
    const bench = start(context);
    const date = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
    bench.fake.moods.advice = { start: date(300), end: date(301) };
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 1);
    bench.clock.aheadMs = 86 * DAY_MS;
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 2);
  });

  it('is not renewed all the time by an authority that always says now', async (context) => {
    const bench = start(context);
    bench.fake.moods.advice = { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' };
    await bench.managed.look();
    await bench.managed.look();
    await bench.managed.look();
    assert.ok(bench.fake.orders.length <= 2);
    assert.ok(bench.clock.waits.at(-1)! > MINUTE_MS / 2);
  });
});

describe('an authority that refuses', () => {
  it('is asked again after ever longer pauses, and all is forgotten when it issues', async (context) => {
    const bench = start(context, { acme: { retryMs: '1m', retryMaxMs: '3m' } });
    const problem = { type: 'serverInternal', status: 500 };
    bench.fake.moods.problems = { 'new-order': [problem, problem, problem] };
    const pauses: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      await bench.managed.look();
      pauses.push(bench.clock.waits.at(-1)! / 1000);
      // Not a moment earlier.
      bench.clock.aheadMs += bench.clock.waits.at(-1)! - 1000;
      await bench.managed.look();
      assert.equal(bench.managed.state.failures, turn + 1);
      bench.clock.aheadMs += 1000;
    }
    // An eighth of each is left to this chance; what the look itself took is gone.
    for (const [at, seconds] of [52.5, 105, 157.5].entries()) {
      assert.ok(pauses[at]! <= seconds && pauses[at]! > seconds - 20, `${pauses}`);
    }
    assert.equal(bench.managed.state.state, 'failing');
    assert.match(String(bench.managed.state.problem), /^serverInternal: /);
    await bench.managed.look();
    assert.equal(bench.managed.state.state, 'valid');
    assert.equal(bench.managed.state.failures, 0);
    assert.deepEqual(bench.counts, { issued: 1, failed: 3 });
  });

  it('says itself how long to wait', async (context) => {
    const bench = start(context);
    const problem = { type: 'rateLimited', status: 429, retryAfter: '7200' };
    bench.fake.moods.problems = { 'new-order': [problem] };
    await bench.managed.look();
    const { retryAtMs } = bench.managed.state;
    assert.ok(retryAtMs! >= Date.now() + 7_100_000);
    // For nothing that is wrong with a proof are the others tried.
    assert.equal(bench.fake.asked.filter((one) => one === 'POST new-order').length, 1);
  });

  it('keeps the certificate that is there in use', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    const before = await readKept(bench.storage, name);
    bench.fake.moods.judge = () => 'dns';
    bench.clock.aheadMs = 61 * DAY_MS;
    await bench.managed.look();
    assert.equal((await readKept(bench.storage, name))?.serial, before?.serial);
    const told = bench.events.list.at(-1)!;
    assert.equal(told.message, 'certificate could not be got');
    assert.equal(told.fields['expires'], new Date(before!.notAfterMs).toISOString());
  });

  it('is followed by the next, with every proof before that', async (context) => {
    const dnsHook = { command: ['/bin/true'], settleMs: 0 };
    const bench = start(context, { authorities: 2, acme: { dnsHook } });
    bench.fake.moods.judge = () => 'unauthorized';
    await bench.managed.look();
    const refused = bench.events.list.filter(({ message }) => message === 'certificate is refused');
    assert.deepEqual(
      refused.map(({ fields }) => [fields['authority'], fields['proof']]),
      ['http-01', 'tls-alpn-01', 'dns-01'].map((proof) => ['https://ca0.test/directory', proof]),
    );
    assert.equal(bench.managed.state.current?.authority, 'https://ca1.test/directory');
  });

  it('does not have to offer each proof', async (context) => {
    const bench = start(context);
    bench.fake.moods.proofs = ['dns-01', 'tls-alpn-01'];
    await bench.managed.look();
    assert.equal(bench.managed.state.state, 'valid');
    assert.deepEqual(
      bench.fake.orders.map(({ status }) => status),
      ['invalid', 'valid'],
    );
  });

  it('that has forgotten the account gets another one', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    bench.fake.accounts.clear();
    assert.equal(await bench.managed.renew(), null);
    assert.equal(bench.fake.accounts.size, 1);
  });

  it('that answers with something else than the certificate is not believed', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    const before = readFileSync(certificateFile(bench.storage.root, name), 'utf8');
    for (const chain of [before.slice(0, before.indexOf('-----BEGIN PRIVATE')), 'hello', '']) {
      bench.fake.moods.chain = chain;
      assert.match(String(await bench.managed.renew()), /^invalidAnswer: /);
    }
    assert.equal(readFileSync(certificateFile(bench.storage.root, name), 'utf8'), before);
  });

  it('may take its time', async (context) => {
    const bench = start(context);
    bench.fake.moods.patience = 3;
    await bench.managed.look();
    assert.equal(bench.managed.state.state, 'valid');
  });

  it('may not know what is replaced', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    bench.fake.moods.problems = { 'new-order': [{ type: 'alreadyReplaced', status: 409 }] };
    assert.equal(await bench.managed.renew(), null);
    assert.deepEqual(bench.fake.replaced, []);
  });
});

describe('two instances with one storage', () => {
  it('get one certificate, and renew it once', async (context) => {
    const storage = createTempDir(context).path;
    const [one, other] = [start(context, { storage }), start(context, { storage })];
    await Promise.all([one.managed.look(), other.managed.look()]);
    assert.equal(one.counts.issued + other.counts.issued, 1);
    assert.equal(one.managed.state.current?.serial, other.managed.state.current?.serial);
    one.clock.aheadMs = 61 * DAY_MS;
    other.clock.aheadMs = 61 * DAY_MS;
    // By then what one has got is due as well; so it is looked at with the clock set right.
    await one.managed.look();
    other.clock.aheadMs = 0;
    await other.managed.look();
    assert.equal(one.counts.issued + other.counts.issued, 2);
    assert.equal(one.managed.state.current?.serial, other.managed.state.current?.serial);
  });
});

describe('a certificate that is not wanted any more', () => {
  it('is not asked for', async (context) => {
    const bench = start(context, { isAllowed: () => false });
    await bench.managed.look();
    assert.equal(bench.fake.orders.length, 0);
    assert.match(String(bench.managed.state.problem), /^notAllowed: /);
  });

  it('is revoked, and another one is got at once', async (context) => {
    const bench = start(context);
    await bench.managed.look();
    const before = bench.managed.state.current?.serial;
    await bench.managed.revoke('keyCompromise');
    await bench.managed.look();
    assert.deepEqual(
      bench.fake.revoked.map(({ reason }) => reason),
      [1],
    );
    assert.notEqual(bench.managed.state.current?.serial, before);
    assert.equal(bench.managed.state.state, 'valid');
  });
});
