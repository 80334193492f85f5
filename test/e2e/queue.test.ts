// The queue of full peers where two workers share them: zones fill up in order, exchanges that wait at one
// worker are served when the other one's end, and priorities decide who goes first.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connectClient, type RawClient } from '../support/client.ts';
import { DEADLINE_MS, until } from '../support/deadline.ts';
import { metricSum } from '../support/metrics-text.ts';
import { answering, type Origin, sizedResponse, startOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
/** Answer when told. */
let near: Origin;
let far: Origin;
/** Answers at once: by the ids that it sees, workers are told apart. */
let plain: Origin;
let sluice: Sluice;

before(async () => {
  near = await startOrigin(() => {}, { context: suite });
  far = await startOrigin(() => {}, { context: suite });
  plain = await startOrigin(answering(sizedResponse('plain')), { context: suite });
  const peers = [
    { url: far.url, zone: 'west', connectionsMax: 1 },
    { url: near.url, zone: 'east', connectionsMax: 1 },
  ];
  const config = {
    cores: 2,
    zone: 'east',
    upstreams: {
      zoned: { peers, pendingMax: 16, pendingTimeoutMs: '30s' },
      plain: { peers: [plain.url] },
    },
    routes: [
      { match: { host: 'zoned.test' }, to: 'zoned' },
      { match: { host: 'zoned.test', path: '/vip/*' }, to: 'zoned', priority: 10 },
      { match: { host: 'plain.test' }, to: 'plain' },
    ],
  };
  sluice = await startSluice(config, { context: suite });
});

const connectionsMax = 64;

/** Opens connections until one worker has two of them and the other one three; returns them so. */
async function connectToBoth(): Promise<[RawClient[], RawClient[]]> {
  const byWorker = new Map<string, RawClient[]>();
  for (let at = 0; at < connectionsMax; at++) {
    const client = await connectClient(sluice.port, { context: suite });
    assert.equal((await client.request({ host: 'plain.test', target: `/${at}` })).status, 200);
    const { fields } = plain.requests.find(({ target }) => target === `/${at}`)!;
    const [worker] = fields.find(([name]) => /^x-request-id$/i.test(name))![1].split('-');
    byWorker.set(worker!, [...(byWorker.get(worker!) ?? []), client]);
    const sorted = [...byWorker.values()].sort((one, other) => one.length - other.length);
    const [fewer, more] = sorted;
    if (more !== undefined && fewer!.length >= 2 && more.length >= 3) return [fewer!, more];
  }
  throw new Error(`${connectionsMax} connections went to ${byWorker.size} workers`);
}

async function begin(client: RawClient, target: string): Promise<void> {
  await client.send(`GET ${target} HTTP/1.1\r\nHost: zoned.test\r\n\r\n`);
}

async function waiting(): Promise<number> {
  return metricSum((await sluice.admin('/metrics')).text, 'sluice_exchanges_waiting');
}

/** Tells which of both has the request with this target; null for none. */
function holderOf(target: string): Origin | null {
  const has = (origin: Origin) => origin.requests.some((request) => request.target === target);
  return [near, far].find(has) ?? null;
}

async function arrived(target: string, origin: Origin): Promise<void> {
  await until(() => holderOf(target) !== null, { what: `${target} at a peer` });
  assert.equal(holderOf(target), origin, target);
}

async function answer(target: string): Promise<void> {
  const origin = holderOf(target)!;
  const { connection } = origin.requests.find((request) => request.target === target)!;
  await origin.connections[connection]!.send(sizedResponse('done'));
}

/** Sends requests until one waits, because the worker knows that the peers are full; returns its target. */
async function untilOneWaits(client: RawClient): Promise<string> {
  const beganAtMs = performance.now();
  for (let at = 0; performance.now() - beganAtMs < DEADLINE_MS; at++) {
    const target = `/early/${at}`;
    await begin(client, target);
    await until(async () => holderOf(target) !== null || (await waiting()) === 1, {
      what: 'the request waits or is at a peer',
    });
    if (holderOf(target) === null) return target;
    // This worker had not heard yet of what the other one has in flight.
    await answer(target);
    assert.equal((await client.response()).status, 200);
  }
  throw new Error('the worker never knew that the peers are full');
}

describe('the queue over two workers', () => {
  it('fills zone after zone, then serves by priority what waits at the other worker', async () => {
    const [holders, others] = await connectToBoth();
    await begin(holders[0]!, '/first');
    await arrived('/first', near);
    await begin(holders[1]!, '/second');
    await arrived('/second', far);

    const [client, late, vip] = others as [RawClient, RawClient, RawClient];
    const early = await untilOneWaits(client);
    await begin(late, '/late');
    await until(async () => (await waiting()) === 2, { what: 'the second waits' });
    await begin(vip, '/vip/1');
    await until(async () => (await waiting()) === 3, { what: 'the third waits' });

    await answer('/first');
    await arrived('/vip/1', near);
    await answer('/second');
    await arrived(early, far);
    assert.equal(await waiting(), 1, 'one at a time');
    await answer('/vip/1');
    await arrived('/late', near);
    for (const target of ['/late', early]) await answer(target);
    for (const each of [...holders.slice(0, 2), client, late, vip]) {
      assert.equal((await each.response()).status, 200);
    }
    assert.equal(await waiting(), 0);
  });
});
