// One child kept alive: start, death, back-off, hanging, drain. Seen through a fleet of one worker.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFakeFleet, type FakeChild, testConfig } from './fake-fleet.ts';

const oneWorker = testConfig({ cores: 1 });

async function startFleet(...args: Parameters<typeof createFakeFleet>) {
  const all = createFakeFleet(...args);
  const started = all.fleet.start();
  await all.timers.advance(20);
  assert.equal(await started, null);
  return all;
}

function types(child: FakeChild | undefined): string[] {
  return (child?.received ?? []).map((message) => message.type).filter((type) => type !== 'ping');
}

describe('a keeper', () => {
  it('configures and activates a child that has started', async () => {
    const { children } = await startFleet(oneWorker);
    assert.deepEqual(
      children.map((child) => [child.name, ...types(child)]),
      [
        ['sidecar', 'configure', 'activate'],
        ['worker 0', 'configure', 'activate'],
      ],
    );
  });

  it('replaces a killed worker at once, in its slot', async () => {
    const { alive, timers, events } = await startFleet(oneWorker);
    alive('worker 0')[0]?.kill('SIGKILL');
    await timers.advance(20);
    const [worker] = alive('worker 0');
    assert.equal(worker?.liveVersion, 1);
    const died = events.list.find((event) => event.message === 'child died');
    assert.equal(died?.fields['why'], 'killed by SIGKILL');
    assert.equal(died?.fields['restartInMs'], 0);
  });

  it('backs off when a worker keeps dying, without touching the sidecar', async () => {
    let isBroken = false;
    const { alive, children, timers, events } = await startFleet(oneWorker, (child, message) => {
      if (!isBroken || child.role.kind !== 'worker' || message.type !== 'configure') return false;
      child.exit(7);
      return true;
    });
    isBroken = true;
    alive('worker 0')[0]?.exit(7);
    await timers.advance(60_000);
    const delays = events.list
      .filter((event) => event.message === 'child died')
      .map((event) => event.fields['restartInMs']);
    assert.deepEqual(
      delays.slice(0, 11),
      [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000].slice(0, delays.length),
    );
    assert.ok(delays.length >= 9 && delays.length <= 11, `${delays.length} deaths in a minute`);
    assert.equal(children.filter((child) => child.name === 'sidecar').length, 1);
    isBroken = false;
    await timers.advance(30_000);
    assert.equal(alive('worker 0')[0]?.liveVersion, 1);
  });

  it('kills and replaces a worker that does not answer pings', async () => {
    let isHung = false;
    const { alive, timers, events } = await startFleet(oneWorker, (child) => {
      return isHung && child.pid === 1001;
    });
    isHung = true;
    await timers.advance(8000);
    assert.equal(alive('worker 0')[0]?.pid, 1001);
    await timers.advance(5000);
    const [worker] = alive('worker 0');
    assert.equal(worker?.pid, 1002);
    assert.equal(worker?.liveVersion, 1);
    const died = events.list.find((event) => event.message === 'child died');
    assert.equal(died?.fields['why'], 'did not answer 5 pings');
  });

  it('keeps children that answer pings', async () => {
    const { children, timers } = await startFleet(oneWorker);
    await timers.advance(120_000);
    assert.equal(children.length, 2);
  });

  it('kills a child that does not become ready in 30 s', async () => {
    const { fleet, timers } = createFakeFleet(oneWorker, (child, message) => {
      return child.role.kind === 'worker' && message.type === 'activate';
    });
    const started = fleet.start();
    await timers.advance(29_000);
    let problem: string | null | undefined;
    void started.then((value) => {
      problem = value;
    });
    await timers.advance(500);
    assert.equal(problem, undefined);
    await timers.advance(1000);
    assert.equal(problem, 'worker 0: not ready within 30 s');
  });

  it('reports what a child calls fatal as the reason why the start failed', async () => {
    const { fleet, timers } = createFakeFleet(oneWorker, (child, message) => {
      if (child.role.kind !== 'worker' || message.type !== 'activate') return false;
      child.say({ type: 'fatal', message: 'port 8080 is in use' });
      return true;
    });
    const started = fleet.start();
    await timers.advance(50);
    assert.equal(await started, 'worker 0: port 8080 is in use');
  });

  it('reports a child that refuses its first configuration', async () => {
    const { fleet, timers } = createFakeFleet(oneWorker, (child, message) => {
      if (child.role.kind !== 'sidecar' || message.type !== 'configure') return false;
      child.say({ type: 'refused', version: message.version, problems: ['no', 'way'] });
      return true;
    });
    const started = fleet.start();
    await timers.advance(50);
    assert.equal(await started, 'sidecar: refused the configuration: no; way');
  });

  it('tries again when the system refuses a process', async () => {
    const { fleet, timers, events, alive, refuse } = await startFleet(oneWorker);
    refuse(2);
    alive('worker 0')[0]?.kill('SIGKILL');
    await timers.advance(10);
    assert.equal(alive('worker 0').length, 0);
    await timers.advance(1000);
    assert.equal(alive('worker 0').length, 1);
    const whys = events.list.flatMap(({ fields }) =>
      fields['why'] === undefined ? [] : [fields['why']],
    );
    const refused = 'could not be started: spawn ENOMEM';
    assert.deepEqual(whys, ['killed by SIGKILL', refused, refused]);
    const drained = fleet.drain(1000);
    await timers.advance(100);
    await drained;
  });

  it('ignores what it does not understand', async () => {
    const { alive, timers, events } = await startFleet(oneWorker);
    alive('worker 0')[0]?.say({ type: 'ready', slot: 'x' });
    alive('worker 0')[0]?.say('nonsense');
    await timers.advance(10);
    const odd = events.list.filter((event) => event.message === 'child sent an unknown message');
    assert.equal(odd.length, 2);
    assert.equal(alive().length, 2);
  });
});

describe('a drain', () => {
  it('lets workers finish first and the sidecar last', async () => {
    const { fleet, alive, children, timers } = await startFleet(testConfig({ cores: 2 }));
    const busy = alive('worker 1')[0] as FakeChild;
    busy.isBusy = true;
    let isOver = false;
    void fleet.drain(30_000).then(() => {
      isOver = true;
    });
    await timers.advance(1000);
    assert.deepEqual(
      alive().map((child) => child.name),
      ['sidecar', 'worker 1'],
    );
    assert.equal(isOver, false);
    busy.exit(0);
    await timers.advance(20);
    assert.equal(isOver, true);
    assert.equal(alive().length, 0);
    assert.equal(children.length, 3);
  });

  it('cuts a worker that is busy beyond the deadline', async () => {
    const { fleet, alive, timers, events } = await startFleet(oneWorker);
    (alive('worker 0')[0] as FakeChild).isBusy = true;
    const drained = fleet.drain(5000);
    await timers.advance(5900);
    assert.equal(alive('worker 0').length, 1);
    await timers.advance(200);
    await drained;
    const cut = events.list.find((event) => event.message === 'child was cut');
    assert.equal(cut?.fields['why'], 'still busy at the end of its drain time');
  });

  it('restarts nobody, not even who waits in back-off', async () => {
    let isBroken = false;
    const { fleet, alive, children, timers } = await startFleet(oneWorker, (child) => {
      if (!isBroken || child.role.kind !== 'worker') return false;
      child.exit(1);
      return true;
    });
    isBroken = true;
    alive('worker 0')[0]?.exit(1);
    await timers.advance(5000);
    const count = children.length;
    const drained = fleet.drain(1000);
    await timers.advance(60_000);
    await drained;
    assert.equal(children.length, count);
    assert.equal(alive().length, 0);
  });

  it('is overtaken by stop, which kills everybody at once', async () => {
    const { fleet, alive, timers } = await startFleet(testConfig({ cores: 2 }));
    for (const child of alive()) child.isBusy = true;
    void fleet.drain(30_000);
    await timers.advance(100);
    assert.equal(alive().length, 3);
    fleet.stop();
    assert.equal(alive().length, 0);
    await timers.advance(60_000);
    assert.equal(alive().length, 0);
  });
});
