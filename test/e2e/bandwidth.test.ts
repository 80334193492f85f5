// Responses at a rate, through the whole proxy: from peers and from the cache. Of time is asked only whether
// they are slow enough: how slow the machine is beyond that does not matter.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { request } from '../support/client.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
const BYTES = 200_000;
const RATE = 100_000;
/** A second's worth goes at once. */
const LEAST_MS = ((BYTES - RATE) / RATE) * 1000;
const body = Buffer.alloc(BYTES);
for (let at = 0; at < BYTES; at++) body[at] = (at * 31) % 253;
let sluice: Sluice;
let asked = 0;

before(async () => {
  const origin = await startHttpOrigin(
    (_, answer) => {
      asked += 1;
      answer.writeHead(200, { 'content-length': BYTES, 'cache-control': 'max-age=100' });
      answer.end(body);
    },
    { context: suite },
  );
  const bandwidth = { bytesPerSecond: RATE };
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: { app: { peers: [origin.url] } },
      routes: [
        { match: { path: '/slow' }, to: 'app', bandwidth },
        { match: { path: '/kept' }, to: 'app', bandwidth, cache: {} },
        { match: { path: '/later' }, to: 'app', bandwidth: { ...bandwidth, afterBytes: BYTES } },
      ],
    },
    { context: suite },
  );
});

async function timeOf(target: string): Promise<number> {
  const startedAtMs = performance.now();
  const answer = await request(sluice.port, { target, deadlineMs: 30_000 });
  const digest = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex');
  assert.equal(digest(answer.body), digest(body));
  return performance.now() - startedAtMs;
}

describe('bandwidth', () => {
  it('is that of each response, also of those from the cache', async () => {
    await request(sluice.port, { target: '/kept', method: 'HEAD' });
    const times = await Promise.all(['/slow', '/slow', '/kept', '/kept'].map(timeOf));
    for (const ms of times) assert.ok(ms > LEAST_MS * 0.95, `${ms} ms`);
    const before = asked;
    assert.ok((await timeOf('/kept')) > LEAST_MS * 0.95);
    assert.equal(asked, before);
  });

  it('is full for what comes first', async () => {
    assert.ok((await timeOf('/later')) > 0);
  });
});
