// The locks that keep a second Sluice, and the probe that notices other programs, off our ports.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import {
  abstractLockNames,
  fileLockNames,
  type LockNames,
} from '../../../src/primary/lock-names.ts';
import { PortLocks } from '../../../src/primary/port-locks.ts';
import { settlePorts } from '../../../src/primary/port-probe.ts';
import { freePort } from '../../support/free-port.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { testConfig } from './fake-fleet.ts';

const since = '2026-01-02T03:04:05.000Z';
let instances = 0;

function createLocks(context: TestContext, names: LockNames, patienceMs = 0): PortLocks {
  instances += 1;
  const owner = { pid: 100 + instances, config: `/etc/${instances}.yaml`, since };
  const locks = new PortLocks({ owner, names, patienceMs });
  context.after(() => locks.close());
  return locks;
}

function claim(port: number, host: string | null = '127.0.0.1') {
  return { host, port, purpose: '' };
}

const kinds: [string, (context: TestContext) => LockNames][] = [
  ['in the abstract namespace', () => abstractLockNames(`sluice-test-${process.pid}`)],
  ['as files', (context) => fileLockNames(createTempDir(context).file('locks'))],
];

for (const [kind, createNames] of kinds) {
  describe(`port locks ${kind}`, () => {
    it('refuse a second owner by name', async (context) => {
      const names = createNames(context);
      const port = await freePort();
      assert.equal(await createLocks(context, names).take([claim(port)]), null);
      const [pid, config] = [100 + instances, `/etc/${instances}.yaml`];
      assert.equal(
        await createLocks(context, names).take([claim(port)]),
        `port ${port} is already served by sluice, pid ${pid}, started ${since}, config ${config}`,
      );
    });

    it('see a conflict between every address and a specific one, both ways', async (context) => {
      const names = createNames(context);
      for (const [one, other] of [
        [null, '127.0.0.1'],
        ['127.0.0.1', null],
        ['0.0.0.0', '::1'],
        ['127.0.0.1', '::'],
      ] as const) {
        const port = await freePort();
        const holder = createLocks(context, names);
        assert.equal(await holder.take([claim(port, one)]), null);
        const refusal = await createLocks(context, names).take([claim(port, other)]);
        assert.match(refusal ?? '', /already served by sluice, pid \d+/, `${one} then ${other}`);
        holder.close();
      }
    });

    it('let two addresses share a port', async (context) => {
      const names = createNames(context);
      const port = await freePort();
      assert.equal(await createLocks(context, names).take([claim(port, '127.0.0.1')]), null);
      assert.equal(await createLocks(context, names).take([claim(port, '127.0.0.2')]), null);
    });

    it('are taken all or not at all', async (context) => {
      const names = createNames(context);
      const [free, taken] = [await freePort(), await freePort()];
      await createLocks(context, names).take([claim(taken)]);
      const second = createLocks(context, names);
      assert.match((await second.take([claim(free), claim(taken)])) ?? '', /already served/);
      assert.equal(await createLocks(context, names).take([claim(free)]), null);
    });

    it('are taken not at all when one can not be made', async (context) => {
      const names = createNames(context);
      const [free, bad] = [await freePort(), await freePort()];
      const broken = {
        ...names,
        path: (key: string) =>
          key.startsWith(`${bad}/`) ? '/no/such/folder/lock' : names.path(key),
      };
      const first = createLocks(context, broken);
      await assert.rejects(first.take([claim(free), claim(bad)]), /cannot take the port lock/);
      assert.equal(await createLocks(context, names).take([claim(free)]), null);
    });

    it('are given back one by one', async (context) => {
      const names = createNames(context);
      const [kept, dropped] = [await freePort(), await freePort()];
      const holder = createLocks(context, names);
      await holder.take([claim(kept), claim(dropped)]);
      holder.keepOnly([claim(kept)]);
      assert.equal(await createLocks(context, names).take([claim(dropped)]), null);
      assert.match((await createLocks(context, names).take([claim(kept)])) ?? '', /already/);
    });

    it('vanish with a killed process', async (context) => {
      const names = createNames(context);
      const port = await freePort();
      const path = names.path(`${port}/127.0.0.1`);
      const script = `require('net').createServer().listen({path:${JSON.stringify(path)}},()=>console.log('x'))`;
      const child = spawn(process.execPath, ['-e', script], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      context.after(() => child.kill('SIGKILL'));
      await once(child.stdout, 'data');
      const locks = createLocks(context, names);
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.equal(await locks.take([claim(port)]), null);
    });
  });
}

describe('port locks', () => {
  it('name an owner that does not answer', async (context) => {
    const names = abstractLockNames(`sluice-test-${process.pid}`);
    const port = await freePort();
    const silent = createServer(() => {}).listen({ path: names.path(`${port}/*`) });
    await once(silent, 'listening');
    context.after(() => silent.close());
    assert.equal(
      await createLocks(context, names).take([claim(port, null)]),
      `port ${port} is already served by a sluice that does not answer`,
    );
  });

  it('notice another program on the port', async (context) => {
    const names = abstractLockNames(`sluice-test-${process.pid}`);
    const other = createServer().listen({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    context.after(() => other.close());
    const { port } = other.address() as { port: number };
    for (const host of ['127.0.0.1', null]) {
      const refusal = await createLocks(context, names).take([claim(port, host)]);
      assert.equal(refusal, `port ${port} is in use by another program`);
    }
  });

  it('wait a moment for a port that is just being left', async (context) => {
    const names = abstractLockNames(`sluice-test-${process.pid}`);
    const other = createServer().listen({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const taken = createLocks(context, names, 5000).take([claim(port)]);
    setTimeout(() => other.close(), 150);
    assert.equal(await taken, null);
  });

  it('say that an address does not exist here', async (context) => {
    const names = abstractLockNames(`sluice-test-${process.pid}`);
    const port = await freePort();
    assert.equal(
      await createLocks(context, names).take([claim(port, '203.0.113.7')]),
      `port ${port}: this machine has no address 203.0.113.7`,
    );
  });

  it('take no file of another kind for a living owner', async (context) => {
    const folder = createTempDir(context);
    const names = fileLockNames(folder.path);
    const port = await freePort();
    writeFileSync(names.path(`${port}/127.0.0.1`), 'left behind');
    assert.equal(await createLocks(context, names).take([claim(port)]), null);
  });
});

describe('port 0', () => {
  it('becomes one free port for all workers, and stays it in the next configuration', async () => {
    const config = testConfig({ listeners: [{ name: 'web', host: '127.0.0.1', port: 0 }] });
    const settled = await settlePorts(config, null);
    const port = settled.listeners[0]?.port ?? 0;
    assert.ok(port > 0);
    const again = await settlePorts(config, settled);
    assert.equal(again.listeners[0]?.port, port);
  });
});
