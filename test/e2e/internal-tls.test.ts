// `tls: internal`, whole processes: certificates of the local authority on both engines, renewed while they
// are used, and a root that stays the same.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { authorityFiles } from '../../src/config/internal-authority.ts';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { requireCommand } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type ConfigFile, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { TlsClient } from '../support/tls-client.ts';

const suite = suiteCleanup();
const run = promisify(execFile);
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const ports = { node: 0, uws: 0, redirect: 0 };
let config: ConfigFile;
let sluice: Sluice;
let files: ReturnType<typeof authorityFiles>;

before(async () => {
  const folder = createTempDir(suite);
  files = authorityFiles(folder.file('state'));
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const origin = await startHttpOrigin((_, answer) => answer.end('served'), { context: suite });
  const host = '127.0.0.1';
  // The sidecar looks ten times in a life.
  const internal = { names: ['*.app.test'], lifeMs: '20s' };
  config = {
    cores: 2,
    certificates: { storage: folder.file('state') },
    listeners: [
      { host, port: ports.node, tls: { internal, redirectFrom: ports.redirect } },
      { host, port: ports.uws, engine: 'uws', tls: { internal } },
    ],
    upstreams: { app: { peers: [origin.url] } },
    routes: [{ to: 'app' }, { match: { host: 'shop.test' }, to: 'app' }],
  };
  sluice = await startSluice(config, { context: suite });
});

function connect(): TlsClient {
  return new TlsClient(readFileSync(files.root, 'latin1'), 'shop.test');
}

describe('tls: internal', () => {
  it('serves the hosts of routes, names of its own and localhost to curl, on both engines', async () => {
    for (const port of [ports.node, ports.uws]) {
      for (const name of ['shop.test', 'a.app.test', 'localhost', '127.0.0.1']) {
        const { stdout } = await run(requireCommand('curl'), [
          ...['-s', '--cacert', files.root, '--resolve', `${name}:${port}:127.0.0.1`],
          ...['-w', ' %{http_version}', `https://${name}:${port}/`],
        ]);
        assert.equal(stdout, `served ${port === ports.node ? '2' : '1.1'}`, name);
      }
    }
  });

  it('has a certificate for any other name that a client asks for, on the engine node', async () => {
    const shake = (port: number) => {
      const options = { servername: 'asked.test', checkServerIdentity: () => undefined };
      return connect().shake(port, options);
    };
    const shaken = await Promise.all(Array.from({ length: 8 }, () => shake(ports.node)));
    const seen = new Set(shaken.map(({ certificate }) => certificate.subject.CN));
    assert.deepEqual([...seen], ['asked.test']);
    assert.notEqual((await shake(ports.uws)).certificate.subject.CN, 'asked.test');
  });

  it('is not believed by who does not know the root', async () => {
    const stranger = new TlsClient('', 'shop.test');
    await assert.rejects(stranger.get(ports.node, { ca: undefined }), /self-signed|unable to/);
  });

  it('sends plain text here, and leaves Strict-Transport-Security to those who want it', async () => {
    const answer = await request(ports.redirect, { host: 'shop.test', target: '/x' });
    assert.equal(answer.header('location'), `https://shop.test:${ports.node}/x`);
    const { headers } = await connect().get(ports.node);
    assert.equal(headers['strict-transport-security'], undefined);
  });

  it('keeps its keys to itself', () => {
    for (const name of readdirSync(files.issued)) assert.match(name, /^[0-9a-f]{16}\.pem$/);
    assert.doesNotMatch(sluice.stderr(), /others than its owner/);
  });

  it('is renewed under load, without a restart and without a failed request', async (t) => {
    const client = connect();
    const load = [ports.node, ports.uws].map((port) => client.keepAsking(t, port, 2));
    await until(() => load.every(({ done }) => done > 20), { what: 'the load runs' });
    const before = (await client.shake(ports.node)).certificate.fingerprint256;
    for (const name of readdirSync(files.issued)) rmSync(`${files.issued}/${name}`);
    for (const engine of ['node', 'uws'] as const) {
      await client.untilReplaced(ports[engine], engine, before);
    }
    const failures = await Promise.all(load.map((one) => one.stop()));
    assert.deepEqual(failures, [[], []]);
  });

  it('has the same root after a restart, which sluice trust shows', async () => {
    const root = readFileSync(files.root, 'latin1');
    await sluice.kill();
    sluice = await startSluice(config, { context: suite });
    assert.equal((await new TlsClient(root, 'shop.test').get(ports.node)).status, 200);
    const trust = [MAIN, 'trust', sluice.configFile];
    const { stdout: pem } = await run(process.execPath, [...trust, '--pem']);
    assert.equal(pem, root);
    const { stdout } = await run(process.execPath, trust);
    assert.ok(stdout.includes(new X509Certificate(root).fingerprint256));
  });
});
