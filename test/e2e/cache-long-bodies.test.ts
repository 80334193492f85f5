// Long answers that the memory of a worker does not keep: they are served from disk piece by piece, however
// many slow clients want them.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { assertFlat, watchMemory } from '../support/worker-memory.ts';

const suite = suiteCleanup();
const LONG = Buffer.alloc(12 * 2 ** 20, 'a long answer, ');
const SLOW_CLIENTS = 20;

let asked = 0;
let sluice: Sluice;

before(async () => {
  const origin = await startHttpOrigin(
    (_incoming, outgoing) => {
      asked += 1;
      outgoing.writeHead(200, { 'cache-control': 'max-age=600', etag: '"long"' }).end(LONG);
    },
    { context: suite },
  );
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: { app: { peers: [origin.url] } },
      routes: [
        { to: 'app', cache: { statusName: 'edge' } },
        {
          match: { path: '/alone/*' },
          to: 'app',
          cache: {
            ...{ statusName: 'edge', collapse: false, headAsGet: false },
            noStore: ['header:x-once'],
          },
        },
      ],
      cache: { memoryBytes: '8MiB', disk: { path: createTempDir(suite).file('cache') } },
      log: { access: 'off' },
    },
    { context: suite },
  );
});

const get = (fields: readonly string[] = []) => request(sluice.port, { target: '/long', fields });

describe('an answer that is too long for memory', () => {
  it('comes from disk, whole and in parts', async () => {
    assert.ok((await get()).body.equals(LONG));
    await until(async () => (await get()).header('cache-status')?.includes('hit') === true, {
      what: 'it is on disk',
    });
    const before = asked;
    const whole = await get();
    assert.match(whole.header('cache-status')!, /^edge; hit; ttl=/);
    assert.ok(whole.body.equals(LONG));
    const part = await get(['Range: bytes=9000000-9000009']);
    assert.deepEqual([part.status, part.text()], [206, LONG.toString('latin1', 9e6, 9e6 + 10)]);
    assert.equal((await get(['If-None-Match: "other", "long"'])).status, 304);
    const onlyStored = ['Cache-Control: only-if-cached'];
    assert.equal((await get(onlyStored)).status, 200);
    const other = await request(sluice.port, { target: '/other', fields: onlyStored });
    assert.equal(other.status, 504);
    assert.equal(asked, before);
  });

  it('comes from disk, too, for those who fetch for themselves alone', async () => {
    const ask = async (fields: readonly string[] = [], method = 'GET') => {
      const response = await request(sluice.port, { target: '/alone/long', fields, method });
      return response.header('cache-status') ?? '';
    };
    await until(async () => (await ask()).includes('hit'), { what: 'it is on disk' });
    const before = asked;
    for (const fields of [[], ['X-Once: 1'], ['Cache-Control: no-store']]) {
      assert.match(await ask(fields), /^edge; hit; ttl=/, fields.join());
    }
    assert.match(await ask([], 'HEAD'), /^edge; hit; ttl=/);
    assert.equal(asked, before);
  });

  it('takes no memory for those who read slowly', async (t) => {
    const growth = watchMemory(t, sluice);
    const before = asked;
    const clients = await Promise.all(
      Array.from({ length: SLOW_CLIENTS }, () => connectClient(sluice.port, { context: suite })),
    );
    for (const client of clients) {
      await client.send('GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await until(() => client.socket.bytesRead > 0, { what: 'the answer begins' });
      client.socket.pause();
    }
    assertFlat(growth(), `${SLOW_CLIENTS} slow clients of 12 MiB each`);
    const [last] = clients.slice(-1);
    last!.socket.resume();
    assert.ok((await last!.response()).body.equals(LONG));
    assert.equal(asked, before);
    for (const client of clients) client.close();
  });
});
