// Automatic certificates come with a reload, and outlive the sidecar that got them.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connect } from 'node:tls';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { serveAuthority } from '../support/served-authority.ts';
import { startSluice } from '../support/sluice.ts';
import { createTempDir } from '../support/temp-dir.ts';

const DEADLINE_MS = 60_000;

function nameAt(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no handshake')));
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().subjectaltname));
      socket.destroy();
    });
  });
}

it('certificates come with a reload, and outlive the sidecar', async (context) => {
  const { fake, settings } = await serveAuthority(context);
  const base = {
    cores: 2,
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: 'app' }],
    certificates: {
      storage: createTempDir(context).path,
      acme: { authorities: [settings] },
    },
  };
  const sluice = await startSluice(base, { context, readyDeadlineMs: DEADLINE_MS });
  const evidence = () => sluice.output();
  const port = await freePort();
  const reload = async (...domains: string[]) => {
    const tls = { automatic: { domains } };
    const listeners = [
      { host: '127.0.0.1', port: sluice.port },
      { host: '127.0.0.1', port, tls },
    ];
    const { msg } = await sluice.reload({ ...base, listeners }, DEADLINE_MS);
    assert.equal(msg, 'new configuration is live');
  };
  const untilValid = (count: number) =>
    until(
      async () => {
        const answer = await sluice.admin('/api/certificates').catch(() => null);
        if (answer?.status !== 200) return false;
        const states: { state: string }[] = JSON.parse(answer.text).certificates;
        return states.filter(({ state }) => state === 'valid').length === count;
      },
      { what: `${count} are valid`, deadlineMs: DEADLINE_MS, evidence },
    );

  await reload('a.test', 'b.test');
  // Workers do not open the port before there is something to show.
  assert.equal(await nameAt(port, 'b.test'), 'DNS:b.test');
  await untilValid(2);
  process.kill(sluice.sidecar()!, 'SIGKILL');
  assert.equal(await nameAt(port, 'a.test'), 'DNS:a.test');
  await untilValid(2);
  await reload('a.test', 'b.test', 'c.test');
  await untilValid(3);
  assert.equal(fake.orders.length, 3);
  assert.equal(fake.accounts.size, 1);
});
