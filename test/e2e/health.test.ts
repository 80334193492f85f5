// Health and protection over real processes: checks, outliers, the breaker, hedging, and how fast what one
// worker sees is known to all.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { metricSum } from '../support/metrics-text.ts';
import { type MoodyOrigin, startMoodyOrigin } from '../support/moody-origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { startLoad } from '../support/steady-load.ts';
import { createTempDir } from '../support/temp-dir.ts';

const active = {
  type: 'http',
  path: '/healthz',
  intervalMs: '200ms',
  downIntervalMs: '50ms',
  timeoutMs: '10s',
  fall: 2,
  rise: 2,
};
const never = { failuresInRow: 0 };
const quiet = { outlier: { enabled: false }, slowStart: { windowMs: 0 } };

async function origins(context: TestContext, count: number): Promise<MoodyOrigin[]> {
  return Promise.all(Array.from({ length: count }, () => startMoodyOrigin(context)));
}

function start(
  context: TestContext,
  peers: readonly MoodyOrigin[],
  upstream: Record<string, unknown>,
  cores = 2,
): Promise<Sluice> {
  const urls = peers.map(({ url }) => url);
  const app = { balancer: 'round-robin', peers: urls, ...quiet, ...upstream };
  return startSluice({ cores, upstreams: { app }, routes: [{ to: 'app' }] }, { context });
}

interface PeerView {
  readonly id: string;
  readonly healthy: boolean;
  readonly reason: string;
  readonly check: { readonly state: string };
}

async function viewOf(sluice: Sluice, origin: MoodyOrigin): Promise<PeerView> {
  const { text } = await sluice.admin('/api/status');
  const { upstreams } = JSON.parse(text) as { upstreams: { app: { peers: PeerView[] } } };
  return upstreams.app.peers.find(({ id }) => id.endsWith(origin.url))!;
}

async function untilView(
  sluice: Sluice,
  origin: MoodyOrigin,
  what: string,
  isRight: (view: PeerView) => boolean,
): Promise<void> {
  await until(async () => isRight(await viewOf(sluice, origin)), {
    what,
    evidence: () => sluice.output(),
  });
}

/** Sends requests one after the other and returns their statuses, each once. */
async function statuses(sluice: Sluice, count: number): Promise<number[]> {
  const seen = new Set<number>();
  for (let at = 0; at < count; at++) seen.add((await request(sluice.port)).status);
  return [...seen].sort();
}

/** The view is the sidecar's; its report is on the way to the workers. */
function untilWorkersKnow(sluice: Sluice): Promise<void> {
  return until(async () => (await statuses(sluice, 20)).every((status) => status === 200), {
    what: 'the workers know',
  });
}

async function untilServed(sluice: Sluice, origin: MoodyOrigin): Promise<void> {
  const before = origin.requestTimes.length;
  await until(
    async () => {
      await statuses(sluice, 4);
      return origin.requestTimes.length > before;
    },
    { what: 'it gets requests again', evidence: () => sluice.output() },
  );
}

describe('active checks', () => {
  it('take a failing peer out, say why, and bring it back', async (context) => {
    const [good, bad] = (await origins(context, 2)) as [MoodyOrigin, MoodyOrigin];
    const sluice = await start(context, [good, bad], { active, ejection: never });
    await untilView(sluice, bad, 'it is up', ({ check }) => check.state === 'up');
    bad.health = 503;
    await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
    assert.equal((await viewOf(sluice, bad)).reason, 'check: status 503');
    await sluice.untilEvent(({ msg }) => msg === 'peer is out', 'the operator is told');
    bad.status = 500;
    await untilWorkersKnow(sluice);
    const before = bad.requestTimes.length;
    assert.deepEqual(await statuses(sluice, 40), [200]);
    assert.equal(bad.requestTimes.length, before, 'not one request');
    bad.status = 200;
    bad.health = 204;
    await untilView(sluice, bad, 'it is back', ({ healthy }) => healthy);
    await untilServed(sluice, bad);
  });

  it('do so through TLS, verified by the same authority as the traffic', async (context) => {
    const authority = createAuthority(context);
    const caFile = createTempDir(context).file('ca.pem');
    writeFileSync(caFile, authority.ca);
    const certificate = authority.issue('127.0.0.1');
    const good = await startMoodyOrigin(context, certificate);
    const bad = await startMoodyOrigin(context, certificate);
    // Its certificate is good, but for somebody else.
    const stranger = await startMoodyOrigin(context, authority.issue('other.test'));
    const sluice = await start(context, [good, bad, stranger], {
      active,
      ejection: never,
      tls: { caFile },
    });
    await untilView(sluice, stranger, 'it is out', ({ healthy }) => !healthy);
    assert.match((await viewOf(sluice, stranger)).reason, /ERR_TLS_CERT_ALTNAME_INVALID/);
    bad.health = 500;
    await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
    assert.deepEqual(await statuses(sluice, 20), [200]);
    bad.health = 200;
    await untilView(sluice, bad, 'it is back', ({ healthy }) => healthy);
  });

  it('do so by TCP alone', async (context) => {
    const [good, bad] = (await origins(context, 2)) as [MoodyOrigin, MoodyOrigin];
    const tcp = { ...active, type: 'tcp' };
    const sluice = await start(context, [good, bad], { active: tcp, ejection: never });
    await untilView(sluice, bad, 'it is up', ({ check }) => check.state === 'up');
    await bad.stop();
    await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
    assert.equal((await viewOf(sluice, bad)).reason, 'check: ECONNREFUSED');
    assert.deepEqual(await statuses(sluice, 20), [200]);
    await bad.restart();
    await untilView(sluice, bad, 'it is back', ({ healthy }) => healthy);
    await untilServed(sluice, bad);
    assert.equal(bad.checks(), 0, 'nobody asked by HTTP');
  });

  it('do not send everything to the first peer that answered', async (context) => {
    const [quick, slow] = (await origins(context, 2)) as [MoodyOrigin, MoodyOrigin];
    slow.health = 0;
    const patient = { ...active, timeoutMs: '60s' };
    const sluice = await start(context, [quick, slow], { active: patient });
    await untilView(sluice, quick, 'one is up', ({ check }) => check.state === 'up');
    assert.equal((await viewOf(sluice, slow)).check.state, 'unknown');
    await untilServed(sluice, slow);
    await untilServed(sluice, quick);
  });

  it('are remembered when the sidecar dies, and go on when it is back', async (context) => {
    const [good, bad] = (await origins(context, 2)) as [MoodyOrigin, MoodyOrigin];
    const sluice = await start(context, [good, bad], { active, ejection: never });
    bad.health = 503;
    bad.status = 503;
    await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
    // What the report has not told the workers yet would die with the sidecar.
    await untilWorkersKnow(sluice);
    const load = startLoad(sluice.port, { context, connections: 4 });
    const before = bad.requestTimes.length;
    const victim = sluice.sidecar()!;
    const checks = bad.checks();
    process.kill(victim, 'SIGKILL');
    await sluice.untilReady();
    await until(() => bad.checks() >= checks + 3, { what: 'the new sidecar checks' });
    assert.notEqual(sluice.sidecar(), victim);
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.equal(bad.requestTimes.length, before, 'nobody tried it meanwhile');
    bad.health = 200;
    bad.status = 200;
    await untilView(sluice, bad, 'it is back', ({ healthy }) => healthy);
    await untilServed(sluice, bad);
  });
});

describe('passive health', () => {
  it('leaves out the one peer that does far worse than the others', async (context) => {
    const peers = await origins(context, 5);
    const bad = peers[3]!;
    const outlier = { enabled: true, requestsMin: 20, windowMs: '5s' };
    const sluice = await start(context, peers, { outlier });
    // Not what failures in a row would find.
    bad.status = 500;
    const load = startLoad(sluice.port, { context, connections: 4 });
    await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
    assert.match((await viewOf(sluice, bad)).reason, /^[\d.]+ % of the requests succeed/);
    await load.stop();
    await untilWorkersKnow(sluice);
    assert.deepEqual(await statuses(sluice, 40), [200]);
  });

  it('tells all workers within 100 ms what one of them sees', async (context) => {
    const peers = await origins(context, 3);
    const bad = peers[0]!;
    const ejection = { failuresInRow: 5, baseMs: '300ms', maxMs: '300ms' };
    const sluice = await start(context, peers, { ejection }, 4);
    const load = startLoad(sluice.port, { context, connections: 24, isExpected: () => true });
    const lastAfterMs: number[] = [];
    for (let round = 0; round < 8; round++) {
      await untilBusy(bad);
      bad.badTimes.length = 0;
      bad.status = 503;
      await untilView(sluice, bad, 'it is out', ({ healthy }) => !healthy);
      // The fifth bad answer is the earliest that anybody can know by.
      const knownAtMs = bad.badTimes[4]!;
      const last = bad.requestTimes.filter((time) => time < knownAtMs + 280).at(-1)!;
      lastAfterMs.push(Math.max(0, last - knownAtMs));
      bad.status = 200;
      await untilView(sluice, bad, 'it is back', ({ healthy }) => healthy);
    }
    await load.stop();
    lastAfterMs.sort((a, b) => a - b);
    const [best] = lastAfterMs as [number];
    const rounded = lastAfterMs.map((ms) => Math.round(ms));
    context.diagnostic(`last request at the bad peer, ms after the fifth failure: ${rounded}`);
    // On a busy machine some rounds are late; that it can be done is no matter of luck.
    assert.ok(best < 100, `${rounded} ms`);
  });
});

/** Waits until the peer has had so many requests that every worker is sure to use it. */
async function untilBusy(origin: MoodyOrigin): Promise<void> {
  const before = origin.requestTimes.length;
  await until(() => origin.requestTimes.length > before + 60, {
    what: 'steady traffic at the peer',
  });
}

describe('the circuit breaker', () => {
  const breaker = {
    enabled: true,
    windowMs: '2s',
    requestsMin: 10,
    errorPercent: 50,
    openMs: '600ms',
    rampMs: '300ms',
  };

  it('opens for all workers, asks nobody while open, and closes again', async (context) => {
    const [only] = (await origins(context, 1)) as [MoodyOrigin];
    // Open for longer than the requests of this test take.
    const slow = { ...breaker, openMs: '4s' };
    const sluice = await start(context, [only], { breaker: slow, ejection: never });
    assert.deepEqual(await statuses(sluice, 20), [200]);
    only.status = 500;
    await until(async () => (await statuses(sluice, 4)).includes(503), { what: 'it opens' });
    const refused = await request(sluice.port, { fields: ['Accept: application/json'] });
    assert.equal(refused.status, 503);
    assert.equal(JSON.parse(refused.text()).code, 'breaker_open');
    assert.match(refused.header('retry-after')!, /^[1-4]$/);
    const before = only.requestTimes.length;
    assert.deepEqual(await statuses(sluice, 20), [503]);
    assert.ok(only.requestTimes.length - before <= 2, 'the other worker knows it too');
    only.status = 200;
    await until(async () => `${await statuses(sluice, 30)}` === '200', { what: 'it closes' });
    await sluice.untilEvent(({ msg }) => msg === 'breaker is closed', 'the operator is told');
  });

  it('opens again when nothing is better after the rest', async (context) => {
    const [only] = (await origins(context, 1)) as [MoodyOrigin];
    const sluice = await start(context, [only], { breaker, ejection: never });
    only.status = 502;
    const load = startLoad(sluice.port, { context, connections: 4, isExpected: () => false });
    await until(() => sluice.events().filter(({ msg }) => msg === 'breaker is open').length >= 3, {
      what: 'it opens again and again',
      evidence: () => sluice.output(),
    });
    await load.stop();
  });
});

describe('hedging', () => {
  it('answers from another peer when one hangs', async (context) => {
    const [steady, moody] = (await origins(context, 2)) as [MoodyOrigin, MoodyOrigin];
    const hedge = { enabled: true, delayMinMs: '20ms' };
    // What finds the budget spent is not hedged, hence a large one.
    const retry = { budgetMin: 100 };
    const sluice = await start(context, [steady, moody], { hedge, retry }, 1);
    assert.deepEqual(await statuses(sluice, 120), [200]);
    moody.delayMs = 30_000;
    const startedAtMs = performance.now();
    assert.deepEqual(await statuses(sluice, 6), [200]);
    const tookMs = performance.now() - startedAtMs;
    context.diagnostic(
      `6 requests, half of them to a peer that hangs 30 s: ${Math.round(tookMs)} ms`,
    );
    assert.ok(tookMs < 30_000, 'nobody waited for the slow one');
    assert.ok(moody.requestTimes.length > 60, 'it was asked');
    const { text } = await sluice.admin('/metrics');
    assert.ok(metricSum(text, 'sluice_hedges_won_total') >= 2, text);
  });
});
