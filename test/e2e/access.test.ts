// Who passes, on real processes: passwords hashed by threads, tokens of an issuer with a key server that
// changes its keys, nginx as the server that is asked, lists of addresses that change on disk.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { hashSync } from 'bcryptjs';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type ClientResponse, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startForeignServer } from '../support/foreign-server.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { askHttp, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
let folder: TempDir;
let sluice: Sluice;
const first = await generateKeyPair('ES256');
const second = await generateKeyPair('ES256');
let served = [{ ...(await exportJWK(first.publicKey)), kid: 'first' }];
let fetches = 0;

before(async () => {
  folder = createTempDir();
  suite.after(() => folder.remove());
  writeFileSync(folder.file('htpasswd'), `ann:${hashSync('secret', 6)}\n`);
  writeFileSync(folder.file('denied'), '# nobody yet\n');
  const app = await startHttpOrigin(
    (incoming, answer) => answer.end(JSON.stringify({ url: incoming.url, ...incoming.headers })),
    { context: suite },
  );
  const keys = await startHttpOrigin(
    (_, answer) => {
      fetches += 1;
      answer.end(JSON.stringify({ keys: served }));
    },
    { context: suite },
  );
  const nginxPort = await startNginx();
  const route = (host: string, settings: object) => ({ match: { host }, to: 'app', ...settings });
  sluice = await startSluice(
    {
      cores: 2,
      upstreams: { app: { peers: [app.url] } },
      routes: [
        route('basic.test', { access: { basic: { file: folder.file('htpasswd') } } }),
        route('jwt.test', {
          access: { jwt: { jwks: `${keys.url}/keys`, claimHeaders: { 'X-User': 'sub' } } },
        }),
        route('forward.test', {
          access: { forwardAuth: { url: `http://127.0.0.1:${nginxPort}/verify` } },
        }),
        route('either.test', {
          access: {
            satisfy: 'any',
            addresses: ['192.0.2.0/24'],
            basic: { file: folder.file('htpasswd') },
          },
        }),
        route('clients.test', { clients: { denyFile: folder.file('denied') } }),
        route('cors.test', { cors: { origins: ['https://app.example'] } }),
      ],
      log: { access: 'json', accessFile: folder.file('access.log') },
    },
    { context: suite },
  );
});

/** nginx lets pass who knows the word, names the user, and sends everybody else to a login. */
async function startNginx(): Promise<number> {
  const port = await freePort();
  const config = folder.file('nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; user root; pid ${folder.file('nginx.pid')}; error_log stderr;
     events {} http { access_log off;
     client_body_temp_path ${folder.file('b')}; proxy_temp_path ${folder.file('p')};
     fastcgi_temp_path ${folder.file('f')}; uwsgi_temp_path ${folder.file('u')};
     scgi_temp_path ${folder.file('s')};
     server { listen 127.0.0.1:${port};
       location = /verify {
         if ($http_cookie = "word=right") { add_header Remote-User ann; return 200; }
         return 302 "https://login.test/?for=$http_x_forwarded_host$http_x_forwarded_uri";
       } } }`,
  );
  const isUp = () =>
    askHttp(port, '/verify').then(
      () => true,
      () => false,
    );
  await startForeignServer('nginx', ['-c', config], { context: suite, isUp });
  return port;
}

const ask = (host: string, ...fields: string[]) => request(sluice.port, { host, fields });

const basicField = (user: string, password: string) =>
  `Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** Waits until both workers answer so: one of them is left out by 20 connections once in a million times. */
async function untilAll(status: number, send: () => Promise<ClientResponse>): Promise<void> {
  const isSo = async () => {
    for (let at = 0; at < 20; at++) if ((await send()).status !== status) return false;
    return true;
  };
  await until(isSo, { what: `all workers answer ${status}` });
}

async function bearer(key: typeof first.privateKey, kid: string): Promise<string> {
  const token = new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'ES256', kid });
  return `Authorization: Bearer ${await token.setExpirationTime('5m').sign(key)}`;
}

describe('access', () => {
  it('by password: right ones pass, are not passed on, and change with the file', async () => {
    const challenge = await ask('basic.test');
    assert.equal(challenge.status, 401);
    assert.match(challenge.header('www-authenticate')!, /^Basic realm="restricted"/);
    assert.equal((await ask('basic.test', basicField('ann', 'wrong'))).status, 401);
    const passed = await ask('basic.test', basicField('ann', 'secret'));
    assert.equal(passed.status, 200);
    assert.equal(JSON.parse(passed.text()).authorization, undefined);
    writeFileSync(folder.file('htpasswd'), `ann:${hashSync('changed', 6)}\n`);
    await untilAll(401, () => ask('basic.test', basicField('ann', 'secret')));
    await untilAll(200, () => ask('basic.test', basicField('ann', 'changed')));
  });

  it('by token: keys are fetched, and again when one is not known', async () => {
    const passed = await ask('jwt.test', await bearer(first.privateKey, 'first'), 'X-User: root');
    assert.equal(passed.status, 200);
    assert.equal(JSON.parse(passed.text())['x-user'], 'ann');
    assert.equal((await ask('jwt.test')).status, 401);
    assert.ok(fetches >= 1 && fetches <= 2, `${fetches} fetches`);
    // A key that nobody has asked for yet is no reason to ask at once and again.
    served = [{ ...(await exportJWK(second.publicKey)), kid: 'second' }];
    const unknown = await bearer(second.privateKey, 'second');
    assert.equal((await ask('jwt.test', unknown)).status, 401);
    assert.ok(fetches <= 2, `${fetches} fetches`);
  });

  it('by asking nginx: its yes names the user, its no is the answer', async () => {
    const passed = await ask('forward.test', 'Cookie: word=right', 'Remote-User: root');
    assert.equal(passed.status, 200);
    assert.equal(JSON.parse(passed.text())['remote-user'], 'ann');
    const refused = await ask('forward.test', 'Cookie: word=wrong', 'Remote-User: root');
    assert.equal(refused.status, 302);
    assert.equal(refused.header('location'), 'https://login.test/?for=forward.test/');
  });

  it('by address or by password', async () => {
    assert.equal((await ask('either.test')).status, 401);
    assert.equal((await ask('either.test', basicField('ann', 'changed'))).status, 200);
  });

  it('is taken back by a list on disk', async () => {
    assert.equal((await ask('clients.test')).status, 200);
    writeFileSync(folder.file('denied'), '127.0.0.0/8\n');
    await untilAll(403, () => ask('clients.test'));
  });

  it('from other origins is granted in preflights and answers', async () => {
    const origin = 'Origin: https://app.example';
    const preflight = await request(sluice.port, {
      host: 'cors.test',
      method: 'OPTIONS',
      fields: [origin, 'Access-Control-Request-Method: PUT'],
    });
    assert.equal(preflight.status, 204);
    const answer = await ask('cors.test', origin);
    assert.equal(answer.header('access-control-allow-origin'), 'https://app.example');
  });

  it('is logged with the user and without the credentials', async () => {
    const log = () => readFileSync(folder.file('access.log'), 'utf8');
    await until(() => /"host":"cors.test"/.test(log()), { what: 'the last lines of the log' });
    assert.match(log(), /"host":"basic.test".*"user":"ann"/);
    assert.doesNotMatch(log() + sluice.output(), /secret|word=right|Bearer|eyJ/);
  });
});
