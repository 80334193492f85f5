// A new configuration becomes live in all children or in none.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Behaviour, createFakeFleet, type FakeChild, testConfig } from './fake-fleet.ts';

const first = testConfig({ cores: 2 });
const second = testConfig({ cores: 2, log: { level: 'warn' } });

async function startFleet(behaviour: Behaviour = () => false) {
  const all = createFakeFleet(first, behaviour);
  const started = all.fleet.start();
  await all.timers.advance(20);
  assert.equal(await started, null);
  const versions = () => all.alive().map((child) => child.liveVersion);
  return { ...all, versions };
}

describe('a rollout', () => {
  it('makes the new version live in workers and sidecar', async () => {
    const { fleet, timers, versions } = await startFleet();
    const outcome = fleet.rollOut(second);
    await timers.advance(20);
    assert.deepEqual(await outcome, { kind: 'done' });
    assert.deepEqual(versions(), [2, 2, 2]);
    assert.equal(fleet.active.config, second);
  });

  it('activates nowhere before everyone has it', async () => {
    const { fleet, timers, children, versions } = await startFleet((child, message) => {
      return child.name === 'worker 1' && message.type === 'configure' && message.version === 2;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(5000);
    assert.deepEqual(versions(), [1, 1, 1]);
    children.find((child) => child.name === 'worker 1')?.say({ type: 'configured', version: 2 });
    await timers.advance(20);
    assert.equal((await outcome).kind, 'done');
    assert.deepEqual(versions(), [2, 2, 2]);
  });

  it('is discarded everywhere when one refuses', async () => {
    const { fleet, timers, children, versions } = await startFleet((child, message) => {
      if (child.name !== 'worker 1' || message.type !== 'configure') return false;
      if (message.version === 1) return false;
      child.say({ type: 'refused', version: message.version, problems: ['bad regex'] });
      return true;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(20);
    assert.deepEqual(await outcome, { kind: 'refused', who: 'worker 1', problems: ['bad regex'] });
    assert.deepEqual(versions(), [1, 1, 1]);
    assert.equal(fleet.active.config, first);
    for (const child of children) {
      const last = child.received.filter((message) => message.type !== 'ping').at(-1);
      assert.deepEqual(last, { type: 'discard', version: 2 });
    }
  });

  it('is discarded when one dies in the middle; its successor gets the old version', async () => {
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      if (child.name !== 'worker 0' || message.type !== 'configure') return false;
      if (message.version === 1) return false;
      child.exit(null, 'SIGSEGV');
      return true;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(50);
    assert.deepEqual(await outcome, {
      kind: 'lost',
      who: 'worker 0',
      problems: ['killed by SIGSEGV'],
    });
    assert.deepEqual(versions(), [1, 1, 1]);
    assert.equal(alive('worker 0')[0]?.pid, 1003);
  });

  it('is discarded when one is late, and never reuses its number', async () => {
    let isSlow = true;
    const { fleet, timers, versions } = await startFleet((child, message) => {
      return isSlow && child.name === 'sidecar' && message.type === 'configure'
        ? message.version > 1
        : false;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(9900);
    assert.deepEqual(versions(), [1, 1, 1]);
    await timers.advance(200);
    assert.deepEqual(await outcome, {
      kind: 'lost',
      who: 'sidecar',
      problems: ['no answer within 10 s'],
    });
    isSlow = false;
    const again = fleet.rollOut(second);
    await timers.advance(20);
    assert.equal((await again).kind, 'done');
    assert.deepEqual(versions(), [3, 3, 3]);
  });

  it('replaces a child that does not activate in time', async () => {
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      return child.pid === 1002 && message.type === 'activate' && message.version === 2;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(10_100);
    assert.equal((await outcome).kind, 'done');
    await timers.advance(50);
    assert.deepEqual(versions(), [2, 2, 2]);
    assert.equal(alive('worker 1')[0]?.pid, 1003);
  });

  it('brings a child that was starting meanwhile to the new version', async () => {
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      // The replacement compiles its first version so slowly that the rollout passes it by.
      if (child.pid !== 1003 || message.type !== 'configure' || message.version !== 1) return false;
      timersOf.later(500, () => child.say({ type: 'configured', version: 1 }));
      return true;
    });
    const timersOf = { later: (ms: number, run: () => void) => timers.after(ms, run) };
    alive('worker 0')[0]?.kill('SIGKILL');
    await timers.advance(10);
    const outcome = fleet.rollOut(second);
    await timers.advance(50);
    assert.equal((await outcome).kind, 'done');
    await timers.advance(1000);
    assert.deepEqual(versions(), [2, 2, 2]);
  });

  it('includes a child that became ready while others were staging', async () => {
    const { fleet, timers, versions, alive, children } = await startFleet((child, message) => {
      return child.pid === 1001 && message.type === 'configure' && message.version === 2;
    });
    alive('worker 1')[0]?.kill('SIGKILL');
    await timers.advance(1);
    const outcome = fleet.rollOut(second);
    await timers.advance(100);
    assert.deepEqual(versions(), [1, 1, 1]);
    const joined = children.at(-1)?.received.map((message) => message.type);
    assert.deepEqual(
      joined?.filter((type) => type !== 'ping'),
      ['configure', 'activate', 'configure'],
    );
    children[1]?.say({ type: 'configured', version: 2 });
    await timers.advance(20);
    assert.equal((await outcome).kind, 'done');
    assert.deepEqual(versions(), [2, 2, 2]);
  });

  it('waits for a worker when none serves, and takes its word', async () => {
    let isBad = false;
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      if (!isBad || child.role.kind !== 'worker' || message.type !== 'configure') return false;
      if (message.version === 1) return false;
      child.say({ type: 'refused', version: message.version, problems: ['port taken'] });
      return true;
    });
    isBad = true;
    for (const child of [...alive('worker 0'), ...alive('worker 1')]) child.kill('SIGKILL');
    await timers.advance(1);
    const outcome = fleet.rollOut(second);
    await timers.advance(100);
    assert.equal((await outcome).kind, 'refused');
    assert.equal(fleet.active.config, first);
    await timers.advance(1000);
    assert.deepEqual(versions(), [1, 1, 1]);
  });

  it('is the way out when no worker can run what is live', async () => {
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      if (child.pid < 1003 || message.type !== 'configure' || message.version !== 1) return false;
      child.say({ type: 'refused', version: 1, problems: ['the file is gone'] });
      return true;
    });
    for (const child of [...alive('worker 0'), ...alive('worker 1')]) child.kill('SIGKILL');
    await timers.advance(1000);
    const outcome = fleet.rollOut(second);
    await timers.advance(10_100);
    assert.equal((await outcome).kind, 'done');
    await timers.advance(30_000);
    assert.deepEqual(versions(), [2, 2, 2]);
  });

  it('that fails leaves nobody behind the version that is live', async () => {
    const later = testConfig({ cores: 2, log: { level: 'error' } });
    let staged = 0;
    const { fleet, timers, versions, alive } = await startFleet((child, message) => {
      if (child.name === 'worker 1' && message.type === 'configure' && message.version === 3) {
        timersOf.later(500, () => child.say({ type: 'refused', version: 3, problems: ['bad'] }));
        return true;
      }
      // The successor is slow, and holds one version ready at a time.
      if (child.pid !== 1003) return false;
      if (message.type === 'configure') staged = message.version;
      if (message.type !== 'activate') return false;
      if (message.version === 1) timersOf.later(100, () => becomeReady(child));
      return message.version === 1 || message.version !== staged;
    });
    const timersOf = { later: (ms: number, run: () => void) => timers.after(ms, run) };
    const becomeReady = (child: FakeChild) => {
      child.liveVersion = 1;
      child.say({ type: 'activated', version: 1 });
      child.say({ type: 'ready', slot: 0, ports: [] });
    };
    alive('worker 0')[0]?.kill('SIGKILL');
    await timers.advance(50);
    const done = fleet.rollOut(second);
    await timers.advance(50);
    assert.equal((await done).kind, 'done');
    // It is ready with version 1, is handed 2, and before it has that ready, 3.
    await timers.advance(6);
    const failed = fleet.rollOut(later);
    await timers.advance(1000);
    assert.equal((await failed).kind, 'refused');
    assert.deepEqual(versions(), [2, 2, 2]);
  });

  it('goes on without a sidecar that is down', async () => {
    let isBroken = false;
    const { fleet, timers, alive } = await startFleet((child) => {
      if (!isBroken || child.name !== 'sidecar') return false;
      child.exit(1);
      return true;
    });
    isBroken = true;
    alive('sidecar')[0]?.exit(1);
    await timers.advance(3000);
    assert.equal(alive('sidecar').length, 0);
    const outcome = fleet.rollOut(second);
    await timers.advance(20);
    assert.equal((await outcome).kind, 'done');
    isBroken = false;
    await timers.advance(30_000);
    assert.equal(alive('sidecar')[0]?.liveVersion, 2);
  });

  it('is abandoned when the primary stops', async () => {
    const { fleet, timers } = await startFleet((child, message) => {
      return child.name === 'worker 0' && message.type === 'configure' && message.version === 2;
    });
    const outcome = fleet.rollOut(second);
    await timers.advance(100);
    const drained = fleet.drain(1000);
    assert.equal((await outcome).kind, 'lost');
    await timers.advance(5000);
    await drained;
    assert.equal((await fleet.rollOut(second)).kind, 'lost');
  });
});

describe('a change of cores', () => {
  it('forks workers', async () => {
    const { fleet, timers, versions, alive } = await startFleet();
    const outcome = fleet.rollOut(testConfig({ cores: 4 }));
    await timers.advance(50);
    await outcome;
    assert.deepEqual(versions(), [2, 2, 2, 2, 2]);
    assert.equal(alive('worker 3').length, 1);
  });

  it('drains workers and starts a slot again only when it is free', async () => {
    const { fleet, timers, alive } = await startFleet();
    const [leaving] = alive('worker 1');
    assert.ok(leaving);
    leaving.isBusy = true;
    const fewer = fleet.rollOut(testConfig({ cores: 1 }));
    await timers.advance(50);
    await fewer;
    const more = fleet.rollOut(testConfig({ cores: 2 }));
    await timers.advance(50);
    await more;
    assert.deepEqual(alive('worker 1'), [leaving]);
    leaving.exit(0);
    await timers.advance(50);
    assert.equal(alive('worker 1').length, 1);
    assert.equal(alive('worker 1')[0]?.liveVersion, 3);
  });

  it('waits for leaving workers when the primary drains', async () => {
    const { fleet, timers, alive } = await startFleet();
    const [leaving] = alive('worker 1');
    assert.ok(leaving);
    leaving.isBusy = true;
    const fewer = fleet.rollOut(testConfig({ cores: 1 }));
    await timers.advance(50);
    await fewer;
    let isOver = false;
    void fleet.drain(30_000).then(() => {
      isOver = true;
    });
    await timers.advance(1000);
    assert.equal(isOver, false);
    leaving.exit(0);
    await timers.advance(50);
    assert.equal(isOver, true);
  });
});
