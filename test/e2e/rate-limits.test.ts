// Limits over four workers, within the error that the docs state, and limits in a real Redis that dies and
// comes back.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startForeignServer } from '../support/foreign-server.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
let sluice: Sluice;
let redisPort = 0;
let stopRedis: () => Promise<void>;

before(async () => {
  const app = await startHttpOrigin((_, answer) => answer.end('ok'), { context: suite });
  redisPort = await freePort();
  await startRedis();
  const route = (host: string, limit: object) => ({
    match: { host },
    to: 'app',
    rateLimits: [{ perMs: '1h', ...limit }],
  });
  sluice = await startSluice(
    {
      cores: 4,
      upstreams: { app: { peers: [app.url] } },
      routes: [
        route('host.test', { requests: 200 }),
        route('worker.test', { requests: 10, scope: 'worker' }),
        route('redis.test', { requests: 40, scope: 'redis' }),
        route('delay.test', { requests: 10, perMs: '1s', burst: 1, delayMaxMs: '10s' }),
      ],
      redis: { url: `redis://127.0.0.1:${redisPort}`, whenDown: 'closed', timeoutMs: '2s' },
      log: { access: 'off' },
    },
    { context: suite },
  );
  await until(async () => (await ask('redis.test')) !== 503, { what: 'Redis is reached' });
});

async function startRedis(): Promise<void> {
  const args = [
    '--port',
    String(redisPort),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const server = await startForeignServer('redis-server', args, { context: suite });
  stopRedis = () => server.kill();
}

async function ask(host: string): Promise<number> {
  return (await request(sluice.port, { host })).status;
}

/**
 * How many of `count` requests pass, each on a connection of its own, `width` at a time, each of them
 * `thinkMs` after the one before.
 */
async function passing(host: string, count: number, width: number, thinkMs = 0): Promise<number> {
  let passed = 0;
  let left = count;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const status = await ask(host);
      if (status === 200) passed += 1;
      else assert.equal(status, 429);
      if (thinkMs > 0) await delay(thinkMs);
    }
  };
  await Promise.all(Array.from({ length: width }, client));
  return passed;
}

describe('a limit of the host', () => {
  it('holds over four workers but for what they let pass before they hear of each other', async (t) => {
    const passed = await passing('host.test', 500, 2, 5);
    t.diagnostic(`${passed} of 500 passed a limit of 200`);
    // The bound of the docs: each other worker may let pass what comes in about 50 ms. Here 400 requests come
    // in a second at most, so that the news may take five times as long.
    assert.ok(passed >= 200 && passed < 300, `${passed} passed`);
    assert.equal(await passing('host.test', 40, 1), 0);
  });

  it('is told with the answer', async () => {
    const { status, header } = await request(sluice.port, { host: 'host.test' });
    assert.equal(status, 429);
    assert.equal(header('ratelimit-policy'), '"limit-1";q=200;w=3600');
    assert.ok(Number(header('retry-after')) > 0);
  });

  it('is each worker’s own when asked for', async () => {
    const passed = await passing('worker.test', 400, 4);
    assert.equal(passed, 40);
  });

  it('makes requests wait in turn', async () => {
    const beganAtMs = performance.now();
    const client = await connectClient(sluice.port, { context: suite });
    for (let at = 0; at < 5; at++) {
      assert.equal((await client.request({ host: 'delay.test' })).status, 200);
    }
    // One at once, four each 100 ms after the other: timers never fire early by more than a millisecond.
    assert.ok(performance.now() - beganAtMs >= 390);
  });
});

describe('a limit in Redis', () => {
  it('is exact over all workers', async () => {
    const passed = await passing('redis.test', 200, 8);
    // One or more were used up while Redis was waited for.
    assert.ok(passed <= 39 && passed >= 30, `${passed} passed`);
    assert.equal(await passing('redis.test', 20, 2), 0);
  });

  it('is answered 503 while Redis is dead, and counted again when it is back', async () => {
    await stopRedis();
    await until(async () => (await ask('redis.test')) === 503, { what: 'Redis is missed' });
    await startRedis();
    await until(async () => (await ask('redis.test')) === 200, { what: 'Redis is back, empty' });
  });
});
