// Balancing end to end: the queue of full peers, shares of a split, shadows, backups, draining.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connectClient, type RawClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { metricSum } from '../support/metrics-text.ts';
import {
  answering,
  type Origin,
  onEachRequest,
  sizedResponse,
  startOrigin,
} from '../support/origin.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
/** Answers when told. */
let held: Origin;
let stable: Origin;
let canary: Origin;
let shadow: Origin;
let sluice: Sluice;
let config: ConfigFile;

before(async () => {
  const named = (name: string) => startOrigin(answering(sizedResponse(name)), { context: suite });
  held = await startOrigin(() => {}, { context: suite });
  stable = await named('stable');
  canary = await named('canary');
  // Takes its time, which nobody may notice.
  shadow = await startOrigin(
    onEachRequest(() => {}),
    { context: suite },
  );
  const dead = `http://127.0.0.1:${await freePort()}`;
  const bounded = { peers: [{ url: held.url, connectionsMax: 1 }], pendingMax: 4 };
  const to = [
    { upstream: 'stable', weight: 3 },
    { upstream: 'canary', weight: 1 },
  ];
  config = {
    cores: 1,
    upstreams: {
      held: { ...bounded, pendingTimeoutMs: '20s' },
      impatient: { ...bounded, pendingTimeoutMs: '300ms' },
      stable: { peers: [stable.url] },
      canary: { peers: [canary.url] },
      shadow: { peers: [shadow.url] },
      backed: {
        peers: [dead, { url: canary.url, backup: true }],
        ejection: { failuresInRow: 1, baseMs: '60s' },
      },
      leaving: { peers: [{ url: held.url }, { url: canary.url }], balancer: 'first' },
    },
    routes: [
      { match: { host: 'queue.test' }, to: 'held' },
      { match: { host: 'queue.test', path: '/vip/*' }, to: 'held', priority: 10 },
      { match: { host: 'impatient.test' }, to: 'impatient' },
      { match: { host: 'split.test' }, to },
      { match: { host: 'sticky.test' }, to, splitBy: 'cookie:user' },
      { match: { host: 'mirror.test' }, to: 'stable', mirror: { to: 'shadow' } },
      { match: { host: 'backed.test' }, to: 'backed' },
      { match: { host: 'leaving.test' }, to: 'leaving' },
    ],
  };
  sluice = await startSluice(config, { context: suite });
});

/** Sends a request on a connection of its own and does not wait for the answer. */
async function begin(host: string, target: string): Promise<RawClient> {
  const client = await connectClient(sluice.port, { context: suite });
  await client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return client;
}

function waiting(count: number): Promise<void> {
  return until(
    async () =>
      metricSum((await sluice.admin('/metrics')).text, 'sluice_exchanges_waiting') === count,
    { what: `${count} exchanges wait` },
  );
}

/** Reloads; the file's own change and the signal may both be noticed, but only one makes it live. */
async function goLive(next: ConfigFile): Promise<void> {
  const count = () => sluice.events().filter(({ msg }) => /is live$/.test(String(msg))).length;
  const before = count();
  await sluice.reload(next);
  await until(() => count() > before, {
    what: 'the new configuration is live',
    evidence: () => sluice.output(),
  });
}

/** Targets that the origin has seen since request number `from`. */
function targetsOf(origin: Origin, from = 0): string[] {
  return origin.requests.slice(from).map(({ target }) => target);
}

describe('the queue of full peers', () => {
  it('serves by priority, then in order of arrival, as the peer gets room', async () => {
    const from = held.requests.length;
    const clients = [await begin('queue.test', '/first')];
    await held.requestCount(from + 1);
    for (const [at, target] of ['/a', '/b', '/vip/c', '/d'].entries()) {
      clients.push(await begin('queue.test', target));
      await waiting(at + 1);
    }
    for (let served = 1; served <= 5; served++) {
      await held.requestCount(from + served);
      assert.equal(held.requests.length, from + served, 'one at a time');
      const { connection } = held.requests.at(-1)!;
      await held.connections[connection]!.send(sizedResponse('done'));
    }
    for (const client of clients) assert.equal((await client.response()).status, 200);
    assert.deepEqual(targetsOf(held, from), ['/first', '/vip/c', '/a', '/b', '/d']);
    await waiting(0);
  });

  it('answers 503 with Retry-After to one too many, and forgets clients that leave', async () => {
    const from = held.requests.length;
    const first = await begin('queue.test', '/first');
    await held.requestCount(from + 1);
    const patient: RawClient[] = [];
    for (let at = 1; at <= 4; at++) {
      patient.push(await begin('queue.test', `/wait-${at}`));
      await waiting(at);
    }
    const refused = await request(sluice.port, { host: 'queue.test' });
    assert.equal(refused.status, 503);
    assert.equal(refused.header('retry-after'), '1');
    for (const client of patient) client.reset();
    await waiting(0);
    await held.connections[held.requests.at(-1)!.connection]!.send(sizedResponse('done'));
    assert.equal((await first.response()).status, 200);
    const after = await begin('queue.test', '/after');
    await held.requestCount(from + 2);
    assert.deepEqual(targetsOf(held, from), ['/first', '/after']);
    await held.connections[held.requests.at(-1)!.connection]!.send(sizedResponse('done'));
    assert.equal((await after.response()).status, 200);
  });

  it('goes on over a reload that changes the upstream', async () => {
    const from = held.requests.length;
    const clients = [await begin('queue.test', '/before')];
    await held.requestCount(from + 1);
    clients.push(await begin('queue.test', '/waits'));
    await waiting(1);
    const upstreams = config['upstreams'] as Record<string, object>;
    const changed = { ...upstreams['held'], pendingMax: 2, keepAlive: { requestsMax: 7 } };
    await goLive({ ...config, upstreams: { ...upstreams, held: changed } });
    clients.push(await begin('queue.test', '/after'));
    await waiting(2);
    assert.equal((await request(sluice.port, { host: 'queue.test' })).status, 503, 'the new bound');
    for (let served = 1; served <= 3; served++) {
      await held.requestCount(from + served);
      const { connection } = held.requests.at(-1)!;
      await held.connections[connection]!.send(sizedResponse('done'));
    }
    for (const client of clients) assert.equal((await client.response()).status, 200);
    assert.deepEqual(targetsOf(held, from), ['/before', '/waits', '/after']);
    await goLive(config);
  });

  it('answers 503 with Retry-After after the longest wait', async () => {
    const from = held.requests.length;
    const first = await begin('impatient.test', '/first');
    await held.requestCount(from + 1);
    const refused = await request(sluice.port, { host: 'impatient.test', target: '/late' });
    assert.equal(refused.status, 503);
    assert.equal(refused.header('retry-after'), '1');
    await until(() => sluice.logLines().some((line) => /\/late.*queue_timeout/.test(line)), {
      what: 'the reason in the access log',
    });
    await held.connections[held.requests.at(-1)!.connection]!.send(sizedResponse('done'));
    assert.equal((await first.response()).status, 200);
  });
});

describe('a split', () => {
  it('shares requests by weight', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    let stableCount = 0;
    for (let turn = 0; turn < 400; turn++) {
      const answer = await client.request({ host: 'split.test' });
      if (answer.text() === 'stable') stableCount += 1;
    }
    // Six standard deviations of a binomial distribution around 300.
    assert.ok(Math.abs(stableCount - 300) <= 52, `${stableCount} of 400`);
  });

  it('keeps who has the key in one place', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    const seen = new Set<string>();
    for (let user = 0; user < 40; user++) {
      const fields = [`Cookie: user=u${user}`];
      const ask = () => client.request({ host: 'sticky.test', fields });
      const home = (await ask()).text();
      for (let turn = 0; turn < 3; turn++) assert.equal((await ask()).text(), home);
      seen.add(home);
    }
    assert.deepEqual([...seen].sort(), ['canary', 'stable']);
  });
});

describe('a mirror', () => {
  it('copies requests with their bodies to the shadow, whose answers nobody waits for', async () => {
    const from = shadow.requests.length;
    for (let turn = 0; turn < 5; turn++) {
      const answer = await request(sluice.port, {
        host: 'mirror.test',
        method: 'POST',
        target: `/order/${turn}`,
        body: `body ${turn}`,
      });
      assert.equal(answer.status, 200);
      assert.equal(answer.text(), 'stable');
    }
    await shadow.requestCount(from + 5);
    const copies = shadow.requests.slice(from);
    assert.deepEqual(
      copies.map(({ target, body }) => `${target} ${body}`).sort(),
      [0, 1, 2, 3, 4].map((turn) => `/order/${turn} body ${turn}`),
    );
    const hosts = copies.map(({ fields }) => fields.find(([name]) => /^host$/i.test(name))?.[1]);
    assert.deepEqual(new Set(hosts), new Set(['mirror.test']));
    const { text } = await sluice.admin('/metrics');
    assert.equal(metricSum(text, 'sluice_mirrored_total'), 5);
  });
});

describe('a backup', () => {
  it('takes over when the first tier is gone', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const answer = await request(sluice.port, { host: 'backed.test' });
      assert.equal(answer.status, 200);
      assert.equal(answer.text(), 'canary');
    }
  });
});

describe('draining', () => {
  it('sends a peer no new work after a reload, lets what runs finish, and takes it back', async () => {
    const from = held.requests.length;
    const running = await begin('leaving.test', '/running');
    await held.requestCount(from + 1);
    const upstreams = config['upstreams'] as Record<string, object>;
    const peers = [{ url: held.url, draining: true }, { url: canary.url }];
    await goLive({
      ...config,
      upstreams: { ...upstreams, leaving: { ...upstreams['leaving'], peers } },
    });
    for (let turn = 0; turn < 20; turn++) {
      assert.equal((await request(sluice.port, { host: 'leaving.test' })).text(), 'canary');
    }
    await held.connections[held.requests.at(-1)!.connection]!.send(sizedResponse('finished'));
    assert.equal((await running.response()).text(), 'finished');
    assert.equal(held.requests.length, from + 1);
    await goLive(config);
    const back = await begin('leaving.test', '/back');
    await held.requestCount(from + 2);
    back.reset();
  });
});
