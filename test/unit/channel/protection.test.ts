// What protects upstreams, over real links: retries and breakers of all workers, checks, recoveries, and
// all of it without a sidecar.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { UpstreamSpec } from '../../../src/channel/shared-state.ts';
import { until } from '../../support/deadline.ts';
import { linkWorker, specOf, startHub, type WorkerBench } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const breaker = {
  windowMs: 10_000,
  requestsMin: 10,
  errorPercent: 50,
  openMs: 2000,
  rampMs: 60_000,
};
const spec: UpstreamSpec = { ...specOf(4), breaker };

function guardOf({ peers }: WorkerBench) {
  return peers[0]!.group.guard;
}

/** As forward does it. */
function err({ link, ...bench }: WorkerBench, count: number): void {
  const guard = guardOf({ link, ...bench });
  guard.answers += count;
  guard.errors += count;
  link.erred(guard);
}

describe('protection', () => {
  test('shares the retries that run, and the sum of attempts of each upstream', async (context) => {
    const { path } = createTempDir(context);
    await startHub(path, [spec], context);
    const a = linkWorker(path, [spec], context, { slot: 0 });
    const b = linkWorker(path, [spec], context, { slot: 1 });
    guardOf(a).inFlight = 2;
    a.link.touched(guardOf(a));
    for (const peer of a.peers) {
      peer.inFlight = 3;
      a.link.touched(peer);
    }
    await until(() => guardOf(b).inFlightElsewhere === 2, { what: 'the retries' });
    await until(() => b.peers[0]!.group.inFlightElsewhere === 12, { what: 'the sum' });
    a.link.close();
    await until(() => guardOf(b).inFlightElsewhere === 0, { what: 'the end of the worker' });
    assert.equal(b.peers[0]!.group.inFlightElsewhere, 0);
  });

  test('opens a breaker at all workers by what they see together', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, [spec], context);
    const benches = [0, 1, 2].map((slot) => linkWorker(path, [spec], context, { slot }));
    await until(() => benches.every(({ link }) => link.connected), { what: 'the links' });
    err(benches[0]!, 6);
    err(benches[1]!, 6);
    for (const bench of benches) {
      await until(() => guardOf(bench).openUntilMs > performance.now(), { what: 'it is open' });
    }
    assert.equal(hub.upstreams[0]!.breaker.phase, 'open');
    await until(() => hub.upstreams[0]!.breaker.phase === 'ramp', { what: 'the ramp' });
    for (const bench of benches) {
      await until(() => guardOf(bench).openUntilMs === 0, { what: 'the ramp at a worker' });
      assert.ok(guardOf(bench).rampUntilMs > performance.now() + 30_000);
    }
  });

  test('opens a breaker without a sidecar, by what this worker sees', async (context) => {
    const { path } = createTempDir(context);
    const bench = linkWorker(path, [spec], context);
    err(bench, 9);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(guardOf(bench).rampUntilMs, 0, 'not enough');
    err(bench, 1);
    await until(() => guardOf(bench).openUntilMs > 0, { what: 'it is open' });
    await until(() => guardOf(bench).openUntilMs === 0, { what: 'the ramp' });
    // The first sidecar that comes hears of it, and tells the others.
    await startHub(path, [spec], context);
    const other = linkWorker(path, [spec], context, { slot: 1 });
    await until(() => guardOf(other).rampUntilMs > 0, { what: 'the ramp at the other' });
  });

  test('keeps peers down that a dead sidecar had found so, until the new one has checked', async (context) => {
    const { path } = createTempDir(context);
    const first = await startHub(path, [spec], context);
    const { link, peers } = linkWorker(path, [spec], context);
    await until(() => link.connected, { what: 'the link' });
    const bad = { good: false, why: 'status 500' };
    for (let at = 0; at < 3; at++) first.hub.checked('app/2', bad);
    await until(() => !peers[2]!.healthy, { what: 'it is down' });
    await first.close();
    await until(() => !link.connected, { what: 'the loss' });
    assert.equal(peers[2]!.healthy, false);
    const { hub } = await startHub(path, [spec], context);
    const view = () => hub.peers.find(({ id }) => id === 'app/2')!;
    await until(() => !view().healthy, { what: 'the new one knows' });
    assert.equal(view().reason, 'check: down before the sidecar started');
    assert.equal(peers[2]!.recoveredAtMs, 0, 'it never was back');
    for (let at = 0; at < 2; at++) hub.checked('app/2', { good: true, why: '' });
    await until(() => peers[2]!.healthy, { what: 'it is back' });
    assert.ok(peers[2]!.recoveredAtMs > 0, 'and warms up');
    assert.equal(peers[1]!.recoveredAtMs, 0);
  });
});
