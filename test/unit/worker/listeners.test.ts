// The listeners of a worker from one configuration to the next, on real ports.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import { CertificateDemands } from '../../../src/worker/certificate-demands.ts';
import { ListenerSet } from '../../../src/worker/listeners.ts';
import type { Server } from '../../../src/worker/serve.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function createListeners(context: TestContext): ListenerSet {
  const listeners = new ListenerSet({
    // Nobody sends a request here.
    server: {} as Server,
    events: quiet,
    secret: 'x',
    demands: new CertificateDemands(() => false),
    tells: false,
  });
  context.after(() => listeners.closeAll());
  return listeners;
}

async function install(
  listeners: ListenerSet,
  engine: 'uws' | 'node',
  ports: readonly number[],
): Promise<void> {
  const config = parseConfig({
    listeners: ports.map((port) => ({ host: '127.0.0.1', port, engine })),
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: 'app' }],
  });
  await listeners.stage(config);
  listeners.activate(config);
}

for (const engine of ['uws', 'node'] as const) {
  describe(`the listeners of a worker, engine ${engine}`, () => {
    it('count the connections of those that a configuration gave up', async (context) => {
      const listeners = createListeners(context);
      const [kept, given] = [await freePort(), await freePort()];
      await install(listeners, engine, [kept, given]);
      const client = await connectClient(given, { context });
      await until(() => listeners.connectionsOpen === 1, { what: 'the connection is counted' });

      await install(listeners, engine, [kept]);
      assert.deepEqual([listeners.connectionsOpen, listeners.connections], [1, 1]);
      client.close();
      await until(() => listeners.connectionsOpen === 0, { what: 'it is gone' });
      await install(listeners, engine, [kept]);
      assert.deepEqual([listeners.connectionsOpen, listeners.connections], [0, 1]);
    });

    it('cut at the end what those held that a configuration gave up', async (context) => {
      const listeners = createListeners(context);
      const port = await freePort();
      await install(listeners, engine, [port]);
      const client = await connectClient(port, { context });
      await until(() => listeners.connectionsOpen === 1, { what: 'the connection is counted' });
      await install(listeners, engine, [await freePort()]);
      listeners.closeAll();
      await client.untilClosed();
    });
  });
}
