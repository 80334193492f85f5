// What a proxy that starts again finds on disk: all of it, from its first request on.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type ClientResponse, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();

it('a worker does not begin to serve before it knows what is on disk', async () => {
  const origin = await startHttpOrigin(
    (_incoming, outgoing) => {
      outgoing.writeHead(200, { 'cache-control': 'max-age=600' }).end('stored');
    },
    { context: suite },
  );
  const port = await freePort();
  const config = {
    cores: 1,
    listeners: [{ host: '127.0.0.1', port }],
    upstreams: { app: { peers: [origin.url] } },
    routes: [{ to: 'app', cache: { statusName: 'edge' } }],
    cache: { disk: { path: createTempDir(suite).file('cache'), bytes: '16MiB' } },
    log: { access: 'off' },
  };
  const first = await startSluice(config, { context: suite });
  await request(port, { target: '/a' });
  const entries = async () => {
    const { text } = await first.admin('/api/cache');
    return (JSON.parse(text) as { disk: { entries: number } }).disk.entries;
  };
  await until(async () => (await entries()) === 1, { what: 'the answer is on disk' });
  await first.stop();
  const second = await startSluice(config, { context: suite, isReadyAwaited: false });
  let response: ClientResponse | null = null;
  const ask = async () => {
    response = await request(port, { target: '/a', fields: ['Cache-Control: only-if-cached'] })
      // Nobody listens there yet.
      .catch(() => null);
    return response !== null;
  };
  await until(ask, { what: 'the first answer', evidence: () => second.output() });
  assert.equal((response as unknown as ClientResponse).status, 200);
});
