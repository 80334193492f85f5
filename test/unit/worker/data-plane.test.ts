// What a worker serves with, put together from a configuration.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import { DataPlane } from '../../../src/worker/data-plane.ts';
import { until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { createTempDir } from '../../support/temp-dir.ts';

it('a configuration that fails half-way leaves nothing behind', async (context) => {
  const folder = createTempDir(context);
  let open = 0;
  let opened = 0;
  const redis = createServer((socket) => {
    open += 1;
    opened += 1;
    socket.resume();
    socket.on('error', () => {});
    socket.on('close', () => {
      open -= 1;
    });
  });
  context.after(() => redis.close());
  const redisPort = await freePort();
  await new Promise<void>((resolve) => redis.listen(redisPort, '127.0.0.1', resolve));
  const plane = new DataPlane({ slot: 0, runDirectory: folder.path, secret: 'x' });
  context.after(() => plane.close());

  writeFileSync(folder.file('addresses'), 'nonsense');
  const config = parseConfig({
    listeners: [{ host: '127.0.0.1', port: await freePort() }],
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    redis: { url: `redis://127.0.0.1:${redisPort}` },
    routes: [
      { match: { path: '/a' }, to: 'app', rateLimits: [{ requests: 1, scope: 'redis' }] },
      { match: { path: '/b' }, to: 'app', clients: { allowFile: folder.file('addresses') } },
    ],
  });
  await assert.rejects(plane.stage(config, 1), /line 1: expected an address/);
  await until(() => opened > 0, { what: 'the first route asks Redis' });
  plane.discard();
  await until(() => open === 0, { what: 'its client is closed' });
});
