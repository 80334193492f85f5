// What a scanner of TLS looks at (testssl.sh's list as far as OpenSSL can ask it), on both engines with the
// intermediate profile: versions, ciphers, curves, renegotiation, downgrades, sessions, kinds of keys, lists
// of revoked certificates.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { connect, getCiphers, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { type Authority, type Certificate, createAuthority } from '../support/certificates.ts';
import { requireCommand } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { TlsClient } from '../support/tls-client.ts';

const suite = suiteCleanup();
const run = promisify(execFile);
const ENGINES = ['node', 'uws'] as const;
const ports = { node: 0, uws: 0, listed: 0 };
let folder: TempDir;
let authority: Authority;
let client: TlsClient;
let revoked: Certificate;

before(async () => {
  folder = createTempDir(suite);
  authority = createAuthority(suite);
  client = new TlsClient(authority.ca, 'a.test');
  revoked = authority.issue('revoked.test');
  writeFileSync(folder.file('ca.pem'), authority.ca);
  writeFileSync(folder.file('clients.crl'), authority.revoke(revoked));
  const [ec, rsa] = [
    place('ec', authority.issue('a.test')),
    place('rsa', authority.issue('a.test', 'rsa')),
  ];
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const host = '127.0.0.1';
  const clientAuth = {
    mode: 'require',
    caFile: folder.file('ca.pem'),
    crlFile: folder.file('clients.crl'),
  };
  await startSluice(
    {
      cores: 4,
      listeners: [
        { host, port: ports.node, tls: { certificates: [ec, rsa] } },
        { host, port: ports.uws, engine: 'uws', tls: { certificates: [ec] } },
        { host, port: ports.listed, tls: { certificates: [ec], clientAuth } },
      ],
      upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
      routes: [{ match: { path: '/' }, respond: { body: 'ok' } }],
    },
    { context: suite },
  );
});

function place(name: string, { cert, key }: Certificate) {
  const [certFile, keyFile] = [folder.file(`${name}.crt`), folder.file(`${name}.key`)];
  writeFileSync(certFile, cert + authority.ca);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile };
}

/** Makes one handshake; null when it is refused. */
function tryShake<Result>(
  port: number,
  options: object,
  read: (socket: TLSSocket) => Result,
): Promise<Result | null> {
  return new Promise((resolve) => {
    const own = { port, host: '127.0.0.1', servername: 'a.test', ca: authority.ca };
    let socket: TLSSocket;
    try {
      socket = connect({ ...own, ...options });
    } catch {
      // What our own OpenSSL can't say, nobody can ask of the other side.
      resolve(null);
      return;
    }
    socket.on('error', () => resolve(null));
    socket.on('close', () => resolve(null));
    socket.on('secureConnect', () => {
      resolve(read(socket));
      socket.destroy();
    });
  });
}

/** What `openssl s_client` prints about a handshake, whatever comes of it. */
async function inspect(port: number, ...args: string[]): Promise<string> {
  const asked = run(requireCommand('openssl'), [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'a.test'],
    ...['-CAfile', folder.file('ca.pem'), '-verify_hostname', 'a.test', ...args],
  ]);
  asked.child.stdin!.end();
  const { stdout, stderr } = await asked.catch(
    (error) => error as { stdout: string; stderr: string },
  );
  return stdout + stderr;
}

/** Line ends are those of `-crlf`. */
const REQUEST = 'GET / HTTP/1.1\nHost: a.test\nConnection: close\n\n';
const tls12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const cipherOf = (socket: TLSSocket) => socket.getCipher().name;

for (const engine of ENGINES) {
  describe(`TLS of the engine ${engine}`, () => {
    it('takes no version before 1.2', async () => {
      for (const version of ['TLSv1', 'TLSv1.1'] as const) {
        const options = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
        assert.equal(await tryShake(ports[engine], options, cipherOf), null, version);
      }
    });

    it('takes no cipher without forward secrecy and authenticated encryption', async () => {
      const accepted: string[] = [];
      for (const name of getCiphers().filter((one) => !one.startsWith('tls_'))) {
        const options = { ...tls12, ciphers: `${name.toUpperCase()}:@SECLEVEL=0` };
        const cipher = await tryShake(ports[engine], options, cipherOf);
        if (cipher !== null) accepted.push(cipher);
      }
      const kinds = engine === 'node' ? ['ECDSA', 'RSA'] : ['ECDSA'];
      const expected = kinds.flatMap((kind) => [
        `ECDHE-${kind}-AES128-GCM-SHA256`,
        `ECDHE-${kind}-AES256-GCM-SHA384`,
        `ECDHE-${kind}-CHACHA20-POLY1305`,
      ]);
      assert.deepEqual(accepted.sort(), expected.sort());
    });

    it('takes ChaCha20 where the client would rather have that', async () => {
      const order = ['CHACHA20-POLY1305', 'AES256-GCM-SHA384', 'AES128-GCM-SHA256'];
      const ciphers = order.map((name) => `ECDHE-ECDSA-${name}`).join(':');
      const options = { ...tls12, ciphers };
      const cipher = await tryShake(ports[engine], options, cipherOf);
      assert.equal(cipher, 'ECDHE-ECDSA-CHACHA20-POLY1305');
    });

    it('exchanges keys on X25519, P-256 and P-384 alone', async () => {
      const accepted: string[] = [];
      for (const curve of ['X25519', 'P-256', 'P-384', 'P-521', 'secp256k1', 'X448']) {
        const options = { ecdhCurve: curve, minVersion: 'TLSv1.3' };
        if ((await tryShake(ports[engine], options, cipherOf)) !== null) accepted.push(curve);
      }
      assert.deepEqual(accepted, ['X25519', 'P-256', 'P-384']);
    });

    it('shows a chain that verifies for its name, and does not compress', async () => {
      const told = await inspect(ports[engine], '-tls1_2');
      assert.match(told, /Verify return code: 0 \(ok\)/);
      assert.match(told, /Verified peername: a\.test/);
      assert.match(told, /Compression: NONE/);
    });

    it('knows secure renegotiation, and lets no client begin one', async () => {
      const port = ports[engine];
      assert.match(await inspect(port, '-tls1_2'), /Secure Renegotiation IS supported/);
      const told = await renegotiate(port);
      assert.match(told, /no renegotiation/);
      assert.doesNotMatch(told, /HTTP\/1\.1/);
    });

    it('notices a client that was talked into an older version', async () => {
      const told = await inspect(ports[engine], '-tls1_2', '-fallback_scsv');
      assert.match(told, /inappropriate fallback/);
    });

    it('takes no request before the handshake is over, where it could be repeated', async () => {
      const told = await exchangeOnce(ports[engine], ['-tls1_3']);
      assert.match(told, /New Session Ticket arrived/);
      assert.match(told, /Max Early Data: 0/);
    });
  });
}

/** Begins anew in mid-connection (TLS 1.2), then asks; returns all that was said. */
function renegotiate(port: number): Promise<string> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2', '-crlf'];
  const child = spawn(requireCommand('openssl'), args, { stdio: 'pipe' });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  let told = '';
  let isAsked = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      // A line of its own is the command.
      if (!isAsked && told.includes('Verify return code')) {
        isAsked = true;
        child.stdin.write('R\n');
      }
      if (told.includes('RENEGOTIATING')) {
        child.stdin.end(REQUEST);
      }
    });
  }
  child.stdin.on('error', () => {});
  return new Promise((resolve) => {
    child.on('close', () => {
      clearTimeout(timer);
      resolve(told);
    });
  });
}

describe('sessions over 4 workers', () => {
  it('are resumed by whichever gets them on the engine node, by the one that began on uws', async (t) => {
    for (const engine of ENGINES) {
      for (const version of ['tls1_2', 'tls1_3']) {
        const file = folder.file(`${engine}-${version}`);
        // With TLS 1.3 the ticket comes behind the handshake, with the first answer.
        await exchangeOnce(ports[engine], [`-${version}`, '-sess_out', file]);
        const tries = 16;
        let resumed = 0;
        for (let at = 0; at < tries; at++) {
          const told = await inspect(ports[engine], `-${version}`, '-sess_in', file);
          if (/^Reused, /m.test(told)) resumed += 1;
        }
        t.diagnostic(`${engine} ${version}: ${resumed} of ${tries} resumed`);
        if (engine === 'node') assert.equal(resumed, tries, version);
      }
    }
  });
});

/** A whole exchange, so that the session's ticket has come; returns all that was said. */
async function exchangeOnce(port: number, args: readonly string[]): Promise<string> {
  const asked = run(requireCommand('openssl'), [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'a.test'],
    ...['-crlf', '-ign_eof', ...args],
  ]);
  asked.child.stdin!.end(REQUEST);
  const { stdout } = await asked;
  assert.match(stdout, /^HTTP\/1\.1 200/m);
  return stdout;
}

describe('ECDSA and RSA side by side', () => {
  it('give each client what it can use', async () => {
    const keyOf = (socket: TLSSocket) => {
      return socket.getPeerX509Certificate()!.publicKey.asymmetricKeyType;
    };
    for (const [options, expected] of [
      [{ ...tls12, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' }, 'rsa'],
      [{ ...tls12, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, 'ec'],
      [{ minVersion: 'TLSv1.3', sigalgs: 'rsa_pss_rsae_sha256:RSA+SHA256' }, 'rsa'],
      [{ minVersion: 'TLSv1.3', sigalgs: 'ECDSA+SHA256:RSA+SHA256' }, 'ec'],
      [{}, 'ec'],
    ] as const) {
      assert.equal(await tryShake(ports.node, options, keyOf), expected, JSON.stringify(options));
    }
  });
});

describe('a list of revoked certificates', () => {
  it('sends the revoked away, and nobody else', async () => {
    assert.equal((await client.get(ports.listed, authority.issue('good.test'))).status, 200);
    await assert.rejects(client.get(ports.listed, revoked), /alert|reset|ECONN|hang up/i);
  });
});
