// TLS at the public address, whole processes: both engines, names, resumption over workers, clients'
// certificates, and certificates that change under load.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { requireCommand } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { TlsClient } from '../support/tls-client.ts';

const suite = suiteCleanup();
const run = promisify(execFile);
const ports = { node: 0, uws: 0, strict: 0, optional: 0, balanced: 0, redirect: 0 };
let sluice: Sluice;
let client: TlsClient;
let authority: Authority;
let strangers: Authority;
let folder: TempDir;

before(async () => {
  folder = createTempDir();
  suite.after(() => folder.remove());
  authority = createAuthority(suite);
  strangers = createAuthority(suite);
  client = new TlsClient(authority.ca, 'a.test');
  place('a', authority.issue('a.test'));
  place('b', authority.issue('b.test'));
  writeFileSync(folder.file('ca.pem'), authority.ca);
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const origin = await startHttpOrigin(
    (asked, answer) => answer.end(JSON.stringify(asked.headers)),
    { context: suite },
  );
  const a = { certFile: folder.file('a.crt'), keyFile: folder.file('a.key') };
  const b = { certFile: folder.file('b.crt'), keyFile: folder.file('b.key') };
  const clientAuth = { caFile: folder.file('ca.pem') };
  const host = '127.0.0.1';
  sluice = await startSluice(
    {
      cores: 2,
      listeners: [
        {
          host,
          port: ports.node,
          tls: { certificates: [a, b], redirectFrom: ports.redirect, hsts: 'max-age=60' },
        },
        { host, port: ports.uws, engine: 'uws', tls: { certificates: [a], hsts: 'max-age=60' } },
        {
          host,
          port: ports.strict,
          tls: {
            certificates: [a],
            profile: 'modern',
            clientAuth: { ...clientAuth, mode: 'require' },
          },
        },
        { host, port: ports.balanced, proxyFrom: ['127.0.0.0/8'], tls: { certificates: [a] } },
        {
          host,
          port: ports.optional,
          tls: { certificates: [a], clientAuth: { ...clientAuth, mode: 'request' } },
        },
      ],
      upstreams: { app: { peers: [origin.url] } },
      routes: [{ to: 'app' }],
    },
    { context: suite },
  );
});

/** Writes a certificate and its key as an operator's tool does: each at once, one after the other. */
function place(name: string, { cert, key }: Certificate, mode = 0o600): void {
  for (const [ending, text] of [
    ['key', key],
    ['crt', cert],
  ] as const) {
    writeFileSync(folder.file(`${name}.${ending}.new`), text, { mode });
    renameSync(folder.file(`${name}.${ending}.new`), folder.file(`${name}.${ending}`));
  }
}

describe('a listener with TLS', () => {
  it('speaks HTTP/2 and HTTP/1.1 with curl, and tells the peer that it is https', async () => {
    for (const version of ['2', '1.1']) {
      const url = `https://a.test:${ports.node}/`;
      const { stdout } = await run(requireCommand('curl'), [
        ...['-s', '--cacert', folder.file('ca.pem'), `--http${version}`],
        ...['--resolve', `a.test:${ports.node}:127.0.0.1`, '-w', '\n%{http_version}', url],
      ]);
      const [body, spoken] = stdout.split('\n');
      assert.equal(spoken, version);
      assert.equal(JSON.parse(body!)['x-forwarded-proto'], 'https');
    }
  });

  it('serves h2load without a failure', async () => {
    const { stdout } = await run(requireCommand('h2load'), [
      ...['-n', '500', '-c', '5', '-m', '10', `https://127.0.0.1:${ports.node}/`],
    ]);
    assert.match(stdout, /500 succeeded, 0 failed, 0 errored/);
  });

  it('has Strict-Transport-Security in its answers, on both engines', async () => {
    for (const port of [ports.node, ports.uws]) {
      const { headers } = await client.get(port);
      assert.equal(headers['strict-transport-security'], 'max-age=60');
    }
  });

  it('sends everybody here from the port for plain text', async () => {
    const answer = await request(ports.redirect, { host: 'a.test:80', target: '/x?y=1' });
    assert.equal(answer.status, 308);
    assert.equal(answer.header('location'), `https://a.test:${ports.node}/x?y=1`);
  });

  it('chooses the certificate by the name asked for, else the first', async () => {
    for (const [servername, expected] of [
      ['a.test', 'a.test'],
      ['B.TEST', 'b.test'],
      ['c.test', 'a.test'],
    ] as const) {
      const options = { servername, checkServerIdentity: () => undefined };
      const { certificate } = await client.shake(ports.node, options);
      assert.equal(certificate.subject.CN, expected, servername);
    }
  });

  it('speaks TLS 1.2 and 1.3 and nothing older; the modern profile 1.3 alone', async () => {
    for (const port of [ports.node, ports.uws]) {
      for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const { protocol } = await client.shake(port, { minVersion: version, maxVersion: version });
        assert.equal(protocol, version);
      }
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
      await assert.rejects(client.shake(port, old), /protocol version|alert/i);
    }
    const identity = authority.issue('client.test');
    const modern = { ...identity, maxVersion: 'TLSv1.2' };
    await assert.rejects(client.shake(ports.strict, modern), /protocol version|alert/i);
  });

  it('takes the client from a PROXY header in front of the handshake', async () => {
    const raw = connectPlain(ports.balanced, '127.0.0.1');
    raw.write('PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n');
    const socket = connect({ socket: raw, servername: 'a.test', ca: authority.ca });
    suite.after(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const part of socket) text += part;
    assert.match(text, /"x-real-ip":"192\.0\.2\.7"/);
    await assert.rejects(client.get(ports.balanced), /ECONN|hang up|disconnected/i);
  });

  it('resumes sessions whichever worker gets them', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const options = { minVersion: version, maxVersion: version };
      const session = await client.sessionOf(ports.node, options);
      const again = await Promise.all(
        Array.from({ length: 12 }, () => client.resumes(ports.node, { ...options, session })),
      );
      assert.deepEqual(again, Array(12).fill(true), version);
    }
  });
});

describe("clients' certificates", () => {
  it('are told to the peer in a field that nobody can forge', async () => {
    const forged = { headers: { 'x-forwarded-client-cert': 'Subject="CN=admin"' } };
    const identity = authority.issue('client.test');
    const known = await client.get(ports.strict, { ...identity, ...forged });
    const field = JSON.parse(known.body)['x-forwarded-client-cert'];
    assert.match(field, /^Hash=[0-9a-f]{64};Subject="CN=client\.test";DNS=client\.test$/);
    for (const port of [ports.node, ports.uws, ports.optional]) {
      const { body } = await client.get(port, forged);
      assert.equal(JSON.parse(body)['x-forwarded-client-cert'], undefined);
    }
  });

  it('must be there where they are required, and good wherever they are shown', async () => {
    const bad = strangers.issue('client.test');
    await assert.rejects(client.get(ports.strict), /alert|reset|ECONN|hang up/i);
    await assert.rejects(client.get(ports.strict, bad), /alert|reset|ECONN|hang up/i);
    await assert.rejects(client.get(ports.optional, bad), /alert|reset|ECONN|hang up/i);
    assert.equal((await client.get(ports.optional)).status, 200);
    assert.equal((await client.get(ports.optional, authority.issue('me.test'))).status, 200);
  });
});

describe('certificates that change', () => {
  it('are swapped under load without a failed request, and soon', async (t) => {
    const before = (await client.shake(ports.node)).certificate.fingerprint256;
    const load = [ports.node, ports.uws].map((port) => client.keepAsking(t, port));
    await until(() => load.every(({ done }) => done > 20), { what: 'the load runs' });
    place('a', authority.issue('a.test'));
    // Every worker has its own look.
    for (const engine of ['node', 'uws'] as const) {
      await client.untilReplaced(ports[engine], engine, before);
    }
    const at = load.map(({ done }) => done);
    await until(() => load.every(({ done }, index) => done > at[index]! + 20), {
      what: 'the load goes on',
    });
    const failures = await Promise.all(load.map((one) => one.stop()));
    assert.deepEqual(failures, [[], []]);
  });

  it('stay as they were when the new ones are no good', async () => {
    const before = (await client.shake(ports.node)).certificate.fingerprint256;
    writeFileSync(folder.file('b.crt'), 'no certificate');
    await sluice.untilEvent(
      ({ msg }) => String(msg).startsWith('certificates can not be used'),
      'the problem is told',
    );
    assert.equal((await client.shake(ports.node)).certificate.fingerprint256, before);
    place('b', authority.issue('b.test'));
  });

  it('are warned about when others may read their key', async () => {
    place('b', authority.issue('b.test'), 0o644);
    const warned = await sluice.untilEvent(
      ({ msg }) => msg === 'others than its owner may read this key',
      'the warning',
    );
    assert.equal(warned['keyFile'], folder.file('b.key'));
  });

  it('are in the metrics, with the end of the first', async () => {
    const { text } = await sluice.admin('/metrics');
    const expires = /^sluice_certificate_expires_timestamp_seconds (\d+)/m.exec(text)?.[1];
    const inDays = (Number(expires) * 1000 - Date.now()) / (24 * 3_600_000);
    assert.ok(inDays > 1 && inDays < 2, text);
    assert.match(text, /^sluice_certificates_expiring 0$/m);
  });
});
