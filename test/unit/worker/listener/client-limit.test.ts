// Connections per client: counted exactly, and estimated between looks at the kernel's table.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClientConnections } from '../../../../src/worker/listener/client-limit.ts';
import { ClientCensus } from '../../../../src/worker/listener/uws/client-census.ts';

let refused = 0;
const limit = {
  max: 4,
  workers: 1,
  isExempt: (address: string) => address === '10.0.0.1',
  onRefused: () => {
    refused += 1;
  },
};

describe('connections per client, counted', () => {
  it('are as many as they may be, each client for itself', () => {
    const clients = new ClientConnections();
    const tries = (address: string) =>
      Array.from({ length: 6 }, () => clients.opened(address, limit)).filter(Boolean).length;
    const before = refused;
    assert.equal(tries('192.0.2.1'), 4);
    assert.equal(tries('192.0.2.2'), 4);
    assert.equal(tries('2001:db8::1') + tries('2001:db8::2') + tries('2001:db8:0:1::1'), 8);
    assert.equal(refused - before, 14);
    assert.equal(tries('10.0.0.1'), 6);
    assert.equal(tries(''), 6);
    clients.closed('192.0.2.1');
    assert.equal(tries('192.0.2.1'), 1);
  });
});

describe('connections per client, by looks at the kernel', () => {
  /** A kernel that knows what is open, and a clock that is held. */
  function makeWorld() {
    const world = { nowMs: 0, open: [] as string[] | null, looks: 0, lookMs: 0 };
    const census = new ClientCensus({
      look: (done) => {
        world.looks += 1;
        setImmediate(() => {
          world.nowMs += world.lookMs;
          done(world.open === null ? null : [...world.open]);
        });
      },
      nowMs: () => world.nowMs,
    });
    const open = async (address: string): Promise<boolean> => {
      const isTaken = census.opened(address, limit);
      if (isTaken) world.open?.push(address);
      // The look is over: what waits for a turn gets it in order.
      await nextTurn();
      return isTaken;
    };
    return { world, open };
  }

  it('never look while nobody has many', async () => {
    const { world, open } = makeWorld();
    for (let at = 0; at < 200; at++) assert.equal(await open(`192.0.2.${at}`), true);
    assert.equal(world.looks, 0);
  });

  it('hold a client near its limit, over all workers, and let it in again', async () => {
    const { world, open } = makeWorld();
    // Another worker has three of them.
    world.open!.push('192.0.2.1', '192.0.2.1', '192.0.2.1');
    let taken = 0;
    for (let at = 0; at < 100; at++) {
      world.nowMs += 100;
      if (await open('192.0.2.1')) taken += 1;
    }
    assert.ok(taken >= 1 && taken <= 3, String(taken));
    assert.ok(world.looks <= 41, String(world.looks));
    assert.equal(await open('192.0.2.9'), true);
    world.open = [];
    world.nowMs += 300;
    await open('192.0.2.1');
    assert.equal(await open('192.0.2.1'), true);
  });

  it('let in whoever goes on trying, once its connections are gone', async () => {
    const { world, open } = makeWorld();
    /** None is there any more when the kernel is asked. */
    const openBriefly = () => {
      const isTaken = open('192.0.2.1');
      world.open = [];
      return isTaken;
    };
    for (let at = 0; at < 8; at++) await openBriefly();
    assert.equal(await openBriefly(), false);
    const tries: boolean[] = [];
    for (let at = 0; at < 4; at++) {
      world.nowMs += 300;
      tries.push(await openBriefly());
    }
    assert.ok(tries.includes(true), String(tries));
  });

  it('let in again soon although one look took very long', async () => {
    const { world, open } = makeWorld();
    world.open!.push(...Array<string>(6).fill('192.0.2.1'));
    world.lookMs = 60_000;
    await open('192.0.2.1');
    for (let at = 0; at < 6; at++) await open('192.0.2.1');
    assert.ok(world.looks > 0);
    world.open = [];
    world.lookMs = 0;
    const tries: boolean[] = [];
    for (let at = 0; at < 4; at++) {
      world.nowMs += 5000;
      tries.push(await open('192.0.2.1'));
    }
    assert.ok(tries.includes(true), String(tries));
  });

  it('do not go by what was seen long ago', async () => {
    const { world, open } = makeWorld();
    for (let at = 0; at < 6; at++) {
      world.nowMs += 300;
      await open('192.0.2.1');
    }
    world.open = [];
    world.nowMs += 60_000;
    for (let at = 0; at < 4; at++) assert.equal(await open('192.0.2.1'), true);
  });

  it('refuse nobody where there is no table', async () => {
    const { world, open } = makeWorld();
    world.open = null;
    for (let at = 0; at < 20; at++) {
      world.nowMs += 300;
      assert.equal(await open('192.0.2.1'), true);
    }
  });
});
