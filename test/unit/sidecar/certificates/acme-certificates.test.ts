// Who gets certificates: the names of the configuration, and those that clients bring, within bounds.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { certificateFile } from '../../../../src/config/certificate-files.ts';
import { addressOf } from '../../../../src/config/entry-points.ts';
import { parseConfig } from '../../../../src/config/parse.ts';
import { AcmeCertificates } from '../../../../src/sidecar/certificates/acme-certificates.ts';
import { acmeText } from '../../../../src/sidecar/certificates/acme-metrics.ts';
import { systemTimers } from '../../../../src/std/timers.ts';
import { until } from '../../../support/deadline.ts';
import { serveAuthority } from '../../../support/served-authority.ts';
import { createTempDir } from '../../../support/temp-dir.ts';
import { recordEvents } from '../../primary/fake-fleet.ts';

interface Asker {
  readonly url: string;
  readonly asked: string[];
  answer: number;
}

/** The operator's program that says who may have a certificate. */
async function startAsker(context: TestContext): Promise<Asker> {
  const asker = { url: '', asked: [] as string[], answer: 200 };
  const server = createServer((asked, answer) => {
    asker.asked.push(String(asked.url));
    answer.writeHead(asker.answer).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  asker.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/may?key=1`;
  return asker;
}

async function start(context: TestContext, automatic: object) {
  const { fake, settings } = await serveAuthority(context);
  const events = recordEvents();
  const acme = new AcmeCertificates({
    ...{ events, isServed: () => true, timers: systemTimers, random: () => 0.5 },
  });
  context.after(() => acme.close());
  const storage = createTempDir(context).path;
  const configOf = (changed: object = automatic, authority: object = settings) =>
    parseConfig({
      listeners: [{ port: 443, tls: { automatic: changed } }],
      certificates: { storage, acme: { authorities: [authority] } },
      upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
      routes: [{ to: 'app' }],
    });
  const config = configOf();
  acme.prepare(config);
  acme.follow(config);
  const [listener] = config.listeners;
  const demand = (name: string) => acme.demand(addressOf(listener!), name);
  return { acme, fake, events, storage, configOf, demand };
}

function namesOf(acme: AcmeCertificates): string[] {
  return acme.states.filter(({ state }) => state === 'valid').map(({ name }) => name);
}

describe('the names of the configuration', () => {
  it('have a certificate each, come and go with it, and are counted', async (context) => {
    const { acme, storage, configOf } = await start(context, { domains: ['a.test', 'b.test'] });
    assert.ok(existsSync(certificateFile(storage, 'b.test')));
    await until(() => namesOf(acme).length === 2, { what: 'both are there' });
    const next = configOf({ domains: ['b.test', 'c.test'] });
    acme.prepare(next);
    acme.follow(next);
    await until(() => namesOf(acme).length === 2, { what: 'the new one is there' });
    assert.deepEqual(namesOf(acme), ['b.test', 'c.test']);
    assert.deepEqual(acme.counters, { issued: 3, failures: 0 });
    // Who has its certificate has still to hand it over.
    const areValid = () => /^sluice_acme_certificates\{state="valid"\} 2$/m.test(acmeText(acme));
    await until(areValid, { what: 'both are valid', evidence: () => acmeText(acme) });
    assert.match(acmeText(acme), /^sluice_acme_issued_total 3$/m);
    acme.follow(
      parseConfig({ upstreams: { a: { peers: ['http://h:1'] } }, routes: [{ to: 'a' }] }),
    );
    assert.equal(acmeText(acme), '');
    assert.equal(await acme.renew('b.test'), undefined);
    assert.equal(await acme.revoke('b.test', 'unspecified'), false);
  });

  it('that failed are tried at once with other settings', async (context) => {
    const { acme, fake, configOf } = await start(context, { domains: ['a.test'] });
    await until(() => namesOf(acme).length === 1, { what: 'it is there' });
    fake.moods.problems = { 'new-order': [{ type: 'rateLimited', retryAfter: '86400' }] };
    assert.match(String(await acme.renew('a.test')), /^rateLimited/);
    const { directory, caFile } = configOf().certificates.acme.authorities[0]!;
    acme.follow(configOf({ domains: ['a.test'] }, { directory: `${directory}?`, caFile }));
    await until(() => acme.states[0]?.state === 'valid', { what: 'it is valid again' });
  });
});

describe('a name that a client asks for first', () => {
  it('gets a certificate when the program allows it, and is asked about again for the next', async (context) => {
    const asker = await startAsker(context);
    const { acme, fake, demand } = await start(context, { onDemand: { ask: asker.url } });
    assert.equal(await demand('a.test'), true);
    assert.equal(await demand('a.test'), true);
    assert.equal(fake.orders.length, 1);
    assert.deepEqual(asker.asked, ['/may?key=1&domain=a.test']);
    asker.answer = 403;
    assert.equal(await demand('b.test'), false);
    assert.deepEqual(namesOf(acme), ['a.test']);
    await acme.renew('a.test');
    assert.equal(fake.orders.length, 1);
    assert.deepEqual(namesOf(acme), []);
  });

  it('is asked about once by all who wait for it', async (context) => {
    const asker = await startAsker(context);
    const { fake, demand } = await start(context, { onDemand: { ask: asker.url } });
    const all = await Promise.all(Array.from({ length: 20 }, () => demand('a.test')));
    assert.deepEqual(all, Array(20).fill(true));
    assert.equal(fake.orders.length, 1);
    assert.equal(asker.asked.length, 1);
  });

  // A client that makes up names must not make this proxy use up the patience of an authority.
  it('is one of so many a minute, and of so many in all', async (context) => {
    const asker = await startAsker(context);
    const bounds = { ask: asker.url, perMinute: 2, certificatesMax: 1 };
    const { demand, configOf, acme } = await start(context, { onDemand: bounds });
    assert.equal(await demand('a.test'), true);
    assert.equal(await demand('b.test'), false);
    assert.equal(asker.asked.length, 1);
    acme.follow(configOf({ onDemand: { ...bounds, certificatesMax: 9 } }));
    assert.equal(await demand('b.test'), true);
    assert.equal(await demand('c.test'), false);
    assert.equal(asker.asked.length, 2);
  });

  it('gets none when nobody answers, or the listener does not have that', async (context) => {
    const ask = 'http://127.0.0.1:1/';
    const { demand, acme } = await start(context, { onDemand: { ask, timeoutMs: 500 } });
    assert.equal(await demand('a.test'), false);
    assert.equal(await acme.demand('* 8443', 'a.test'), false);
    assert.deepEqual(acme.states, []);
  });
});
