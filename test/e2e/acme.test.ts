// Automatic certificates, whole processes against Pebble, which refuses a third of all nonces: each kind of
// proof on both engines, authorities in order, accounts elsewhere, two instances with one storage, renewal
// under load, revocation.

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { before, describe, it } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { askApi } from '../support/admin-api.ts';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const DEADLINE_MS = 60_000;
const patient = { readyDeadlineMs: DEADLINE_MS };
let originUrl = '';

before(async () => {
  const origin = await startHttpOrigin(
    (asked, answer) => {
      const isRefused = asked.url?.startsWith('/ask') && asked.url !== '/ask?domain=e.test';
      answer.writeHead(isRefused ? 403 : 200).end('ok');
    },
    { context: suite },
  );
  originUrl = origin.url;
});

/** A shake of hands by a client that trusts nobody in particular. */
function certificateAt(port: number, servername: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    socket.setTimeout(DEADLINE_MS, () => socket.destroy(new Error('no handshake')));
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });
}

/** Waits until every worker shows a certificate of Pebble's that is not the one `before`. */
async function untilIssued(
  { port, name, before = '' }: { port: number; name: string; before?: string },
  evidence: () => string,
): Promise<string> {
  let serial = '';
  let inARow = 0;
  await until(
    async () => {
      // The engine uws loses who is not accepted yet when it changes its certificate.
      const found = await certificateAt(port, name).catch(() => null);
      const isPebbles = String(found?.issuer.CN).startsWith('Pebble');
      inARow = isPebbles && found?.serialNumber !== before ? inARow + 1 : 0;
      serial = found?.serialNumber ?? '';
      return inARow >= 10;
    },
    { what: `${name} has a certificate`, deadlineMs: DEADLINE_MS, evidence },
  );
  return serial;
}

/** One request by a client that trusts Pebble alone. */
function ask(port: number, name: string, options: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const common = { port, host: '127.0.0.1', servername: name, headers: { host: name } };
    const asked = get({ ...common, ...options }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', reject);
  });
}

function configOf(pebble: Pebble, acme: object = {}) {
  const { directory, caFile } = pebble;
  return {
    certificates: {
      storage: createTempDir(suite).path,
      acme: { authorities: [{ directory, caFile }], retryMs: '1s', retryMaxMs: '2s', ...acme },
    },
    upstreams: { app: { peers: [originUrl] } },
  };
}

function issuedBy(...sluices: Sluice[]): number {
  const events = sluices.flatMap((sluice) => sluice.events());
  return events.filter(({ msg }) => msg === 'certificate is issued').length;
}

describe('two instances with one storage', () => {
  it('get one certificate by http-01, through the port that redirects', async (context) => {
    const [httpPort, tlsPort, otherPort] = [await freePort(), await freePort(), await freePort()];
    const pebble = await startPebble({ context, httpPort, tlsPort });
    const config = {
      ...configOf(pebble, { proofs: ['http-01'] }),
      routes: [{ match: { host: ['a.test', '10.0.0.1'] }, to: 'app' }],
    };
    const listener = { host: '127.0.0.1', tls: { automatic: {}, redirectFrom: httpPort } };
    const [one, other] = await Promise.all([
      startSluice(
        { ...config, cores: 2, listeners: [{ ...listener, port: tlsPort }] },
        { context, ...patient },
      ),
      startSluice(
        {
          ...config,
          cores: 1,
          listeners: [{ host: '127.0.0.1', port: otherPort, tls: 'automatic' }],
        },
        { context, ...patient },
      ),
    ]);
    const evidence = () => one.output() + other.output() + pebble.server.output();
    const serial = await untilIssued({ port: tlsPort, name: 'a.test' }, evidence);
    assert.equal(await untilIssued({ port: otherPort, name: 'a.test' }, evidence), serial);
    assert.equal(issuedBy(one, other), 1);
    const root = await pebble.root();
    assert.equal(await ask(tlsPort, 'a.test', { ca: root, agent: false }), 200);

    const redirected = await request(httpPort, { host: 'a.test', target: '/x' });
    assert.equal(redirected.status, 308);
    const target = '/.well-known/acme-challenge/no-such-token-of-ours';
    assert.equal((await request(httpPort, { host: 'a.test', target })).status, 308);
    const { storage } = config.certificates;
    for (const name of readdirSync(storage, { recursive: true, encoding: 'utf8' })) {
      const mode = statSync(`${storage}/${name}`).mode & 0o077;
      assert.equal(mode, 0, `${name} is for nobody else`);
    }
    assert.deepEqual(readdirSync(`${storage}/challenges`), []);
    assert.deepEqual(readdirSync(`${storage}/locks`), []);
  });
});

describe('a proof that fails', () => {
  it('is followed by the next; renewal under load fails no request; revoked is replaced', async (context) => {
    const [httpPort, tlsPort] = [await freePort(), await freePort()];
    const pebble = await startPebble({ context, httpPort, tlsPort });
    const hook =
      'const { SLUICE_ACME_RECORD: r, SLUICE_ACME_VALUE: value, SLUICE_ACME_ACTION: a } = process.env;' +
      "if (process.argv.at(-1) !== a) throw new Error('no action');" +
      "const path = a === 'present' ? 'set-txt' : 'clear-txt';" +
      `fetch('http://127.0.0.1:${pebble.dnsPort}/' + path, ` +
      "{ method: 'POST', body: JSON.stringify({ host: r + '.', value }) })";
    const dnsHook = { command: [process.execPath, '-e', hook, '--'], settleMs: 0 };
    const sluice = await startSluice(
      {
        ...configOf(pebble, { dnsHook }),
        cores: 2,
        listeners: [
          {
            host: '127.0.0.1',
            port: tlsPort,
            tls: {
              automatic: {
                domains: ['b.test', '*.c.test'],
                onDemand: { ask: `${originUrl}/ask` },
              },
            },
          },
        ],
        routes: [{ to: 'app' }],
      },
      { context, ...patient },
    );
    const evidence = () => sluice.output() + pebble.server.output();
    // Nobody listens where http-01 would look.
    const first = await untilIssued({ port: tlsPort, name: 'b.test' }, evidence);
    const refusals = sluice.events().filter(({ msg }) => msg === 'certificate is refused');
    assert.deepEqual(
      refusals.map(({ proof, reason }) => [proof, String(reason).split(':')[0]]),
      [['http-01', 'connection']],
    );
    await untilIssued({ port: tlsPort, name: 'any.c.test' }, evidence);

    // The first handshake for a name that is allowed waits for its certificate.
    const demanded = await certificateAt(tlsPort, 'e.test');
    assert.equal(demanded.subjectaltname, 'DNS:e.test');
    const refused = await certificateAt(tlsPort, 'f.test');
    assert.equal(refused.subjectaltname, 'DNS:b.test');

    const ca = await pebble.root();
    const load = keepAsking((agent) => ask(tlsPort, 'b.test', { ca, agent }));
    context.after(() => load.stop());
    await until(() => load.done > 50, { what: 'the load runs', deadlineMs: DEADLINE_MS, evidence });
    const renewed = await askApi(sluice.adminPort, 'POST /api/certificates/b.test/renew');
    assert.equal(renewed.status, 200, renewed.text);
    const second = await untilIssued({ port: tlsPort, name: 'b.test', before: first }, evidence);
    const doneBefore = load.done;
    await until(() => load.done > doneBefore + 50, {
      what: 'the load goes on',
      deadlineMs: DEADLINE_MS,
      evidence,
    });
    assert.deepEqual(await load.stop(), []);

    const revoked = await askApi(sluice.adminPort, 'POST /api/certificates/b.test/revoke', {
      body: { reason: 'superseded' },
    });
    assert.equal(revoked.status, 200, revoked.text);
    assert.equal(await pebble.statusOf(second), 'Revoked');
    await untilIssued({ port: tlsPort, name: 'b.test', before: second }, evidence);
    const { certificates } = JSON.parse((await sluice.admin('/api/certificates')).text);
    assert.deepEqual(
      certificates.map(({ name, state }: Record<string, unknown>) => [name, state]),
      [
        ['b.test', 'valid'],
        ['*.c.test', 'valid'],
        ['e.test', 'valid'],
      ],
    );
    const { text } = await sluice.admin('/metrics');
    assert.match(text, /^sluice_acme_certificates\{state="valid"\} 3$/m);
    assert.match(text, /^sluice_acme_issued_total 5$/m);
  });
});

describe('authorities', () => {
  it('are asked in order, with an account elsewhere, for the engine uws too', async (context) => {
    const [httpPort, tlsPort, deadPort] = [await freePort(), await freePort(), await freePort()];
    const key = Buffer.alloc(32, 7).toString('base64url');
    const externalAccounts = { 'kid-1': key };
    const pebble = await startPebble({ context, httpPort, tlsPort, externalAccounts });
    const { directory, caFile } = pebble;
    const authorities = [
      { directory: `https://127.0.0.1:${deadPort}/` },
      { directory, caFile, externalAccount: { keyId: 'kid-1', key } },
    ];
    const sluice = await startSluice(
      {
        ...configOf(pebble, { authorities, email: 'admin@example.com' }),
        cores: 1,
        listeners: [
          { host: '127.0.0.1', port: httpPort, engine: 'node' },
          { host: '127.0.0.1', port: tlsPort, engine: 'uws', tls: 'automatic' },
        ],
        routes: [{ match: { host: 'd.test' }, to: 'app' }],
      },
      { context, ...patient },
    );
    const evidence = () => sluice.output() + pebble.server.output();
    await untilIssued({ port: tlsPort, name: 'd.test' }, evidence);
    const [refusal] = sluice.events().filter(({ msg }) => msg === 'certificate is refused');
    assert.match(String(refusal?.['reason']), /^unreachable: /);
    assert.equal((await request(httpPort, { host: 'd.test' })).body.toString(), 'ok');
  });
});

interface Load {
  readonly done: number;
  /** Ends it and returns what went wrong. */
  stop(): Promise<string[]>;
}

/** Four clients that ask one request after the other, and shake hands again after some. */
function keepAsking(askOnce: (agent: Agent) => Promise<number>): Load {
  const failures: string[] = [];
  let isStopped = false;
  let done = 0;
  const client = async () => {
    while (!isStopped) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let turn = 0; turn < 10 && !isStopped; turn += 1) {
        const outcome = await askOnce(agent).catch(String);
        if (outcome !== 200) failures.push(String(outcome));
        done += 1;
      }
      agent.destroy();
    }
  };
  const clients = Array.from({ length: 4 }, client);
  return {
    get done() {
      return done;
    },
    async stop() {
      isStopped = true;
      await Promise.all(clients);
      return failures;
    },
  };
}
