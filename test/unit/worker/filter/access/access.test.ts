// Who passes: each kind of credentials, right, wrong, missing and forged; what becomes of them afterwards.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ProxyError } from '../../../../../src/core/errors.ts';
import type { Exchange } from '../../../../../src/core/exchange.ts';
import type { Offload } from '../../../../../src/core/offload.ts';
import { ApiKeyCheck } from '../../../../../src/worker/filter/access/api-key.ts';
import { BasicCheck, parseHtpasswd } from '../../../../../src/worker/filter/access/basic.ts';
import { type AccessCheck, AccessFilter } from '../../../../../src/worker/filter/access/check.ts';
import { JwtCheck, type JwtOptions } from '../../../../../src/worker/filter/access/jwt.ts';
import { SignedUrlCheck, signTarget } from '../../../../../src/worker/filter/access/signed-url.ts';
import { RefreshedTokenKeys } from '../../../../../src/worker/filter/access/token-keys.ts';
import { verifyPassword } from '../../../../../src/worker/offload/tasks/verify-password.ts';
import { makeExchange } from '../../support/exchanges.ts';

const NOW_MS = 1_800_000_000_000;
const nowMs = () => NOW_MS;

/** Returns 'passes' or the code of the failure. */
async function outcome(check: AccessCheck, exchange: Exchange): Promise<string> {
  const filter = new AccessFilter({ checks: [check], satisfy: 'all', reserved: new Set() });
  const refusal = await filter.apply(exchange);
  if (refusal === undefined) return 'passes';
  return refusal instanceof ProxyError ? refusal.code : String(refusal.status);
}

const withFields = (...headers: string[]) => makeExchange({ headers });
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

describe('Basic authentication', () => {
  // Made by openssl (-apr1), htpasswd -s, bcryptjs and argon2.
  const hashes = parseHtpasswd(`# users
apr:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00
sha:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
long:$apr1$ab$ZgbyBttfAvWjwKDroS41O1
bcrypt:$2b$04$4y7DlC/oWSS.DV2bDHP6JuZpsHjDxs1OgDCZLs48nRg4.m5hi4Q5y
argon:$argon2id$v=19$m=256,t=1,p=1$QYqINUOVmKQ86qqSz55x3g$Z4zBao9s3IYNgg96e/07xfl/jBmltLrhfE9m6GnEyrQ
`);
  let asked = 0;
  const offload: Offload = {
    counters: { done: 0, failed: 0, refused: 0 },
    run(_task, payload) {
      asked += 1;
      return Promise.resolve(verifyPassword(payload as Parameters<typeof verifyPassword>[0]));
    },
  };
  const users = { version: 1, hashOf: (user: string) => hashes.get(user) };
  const options = { realm: 'r', users, offload, forwards: false, nowMs };

  it('lets right passwords pass, asks for each once, and takes them out', async () => {
    const check = new BasicCheck(options);
    asked = 0;
    for (const [user, password] of [
      ['apr', 'password'],
      ['long', 'a much longer password than sixteen bytes'],
      ['sha', 'password'],
      ['bcrypt', 'secret'],
      ['argon', 'secret'],
    ] as const) {
      for (let at = 0; at < 2; at++) {
        const exchange = withFields('authorization', basic(user, password), 'x-a', '1');
        assert.equal(await outcome(check, exchange), 'passes', user);
        assert.equal(exchange.user, user);
        assert.deepEqual(exchange.requestHeaders, ['x-a', '1']);
      }
    }
    assert.equal(asked, 5);
  });

  it('computes once for requests that come together', async () => {
    const check = new BasicCheck(options);
    asked = 0;
    const field = basic('apr', 'password');
    const together = Array.from({ length: 50 }, () =>
      outcome(check, withFields('authorization', field)),
    );
    assert.deepEqual(new Set(await Promise.all(together)), new Set(['passes']));
    assert.equal(asked, 1);
  });

  it('refuses everything else with a challenge', async () => {
    const check = new BasicCheck(options);
    for (const field of [
      basic('apr', 'wrong'),
      basic('nobody', 'password'),
      basic('bcrypt', ''),
      'Basic !!!',
      'Basic ',
      `Basic ${Buffer.from('no colon').toString('base64')}`,
      `Basic ${'A'.repeat(4000)}`,
      'Bearer x',
    ]) {
      assert.equal(await outcome(check, withFields('authorization', field)), 'unauthorized', field);
    }
    const refusal = (await check.check(withFields())) as ProxyError;
    assert.deepEqual(refusal.headers, ['www-authenticate', 'Basic realm="r", charset="UTF-8"']);
  });

  it('says so when it can not compute', async () => {
    const full: Offload = { counters: offload.counters, run: () => null };
    const check = new BasicCheck({ ...options, offload: full });
    assert.equal(
      await outcome(check, withFields('authorization', basic('apr', 'x'))),
      'overloaded',
    );
  });

  it('forgets what it knew when the file changes', async () => {
    const changing = { version: 1, hashOf: (user: string) => hashes.get(user) };
    const check = new BasicCheck({ ...options, users: changing });
    const field = basic('sha', 'password');
    assert.equal(await outcome(check, withFields('authorization', field)), 'passes');
    changing.version = 2;
    changing.hashOf = () => undefined;
    assert.equal(await outcome(check, withFields('authorization', field)), 'unauthorized');
  });

  it('names the line of a file that is no password file', () => {
    assert.throws(() => parseHtpasswd('a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nb:plain'), /line 2/);
    assert.throws(() => parseHtpasswd('nothing'), /line 1/);
  });
});

describe('API keys', () => {
  const names = new Map([[createHash('sha256').update('k1').digest('hex'), 'build']]);
  const options = { header: 'x-api-key', query: 'key', names, forwards: false };

  it('pass in the field or the query, and are neither passed on nor logged', async () => {
    const check = new ApiKeyCheck(options);
    const inField = withFields('x-api-key', 'k1');
    assert.equal(await outcome(check, inField), 'passes');
    assert.equal(inField.user, 'build');
    assert.deepEqual(inField.requestHeaders, []);
    const inQuery = makeExchange({ target: '/a?b=1&k%65y=k1&c', headers: [] });
    assert.equal(await outcome(check, inQuery), 'passes');
    assert.equal(inQuery.target, '/a?b=1&c');
    assert.equal(inQuery.receivedTarget, '/a?b=1&c');
  });

  it('do not pass when unknown, and leave the query all the same', async () => {
    const check = new ApiKeyCheck(options);
    assert.equal(await outcome(check, withFields()), 'unauthorized');
    assert.equal(await outcome(check, withFields('x-api-key', 'k2')), 'unauthorized');
    const exchange = makeExchange({ target: '/a?key=k2', headers: [] });
    assert.equal(await outcome(check, exchange), 'unauthorized');
    assert.equal(exchange.receivedTarget, '/a');
  });
});

describe('signed URLs', () => {
  const check = new SignedUrlCheck({
    secrets: ['new', 'old'],
    signatureParameter: 'signature',
    expiresParameter: 'expires',
    nowMs,
  });
  const sign = (target: string, secret = 'new') =>
    `${target}&signature=${signTarget(target, secret)}`;
  const soon = NOW_MS / 1000 + 60;
  const ask = (target: string) => {
    const exchange = makeExchange({ target, headers: [] });
    return { exchange, outcome: outcome(check, exchange) };
  };

  it('pass until they end, by any of the secrets', async () => {
    for (const secret of ['new', 'old']) {
      const asked = ask(sign(`/f.zip?v=1&expires=${soon}`, secret));
      assert.equal(await asked.outcome, 'passes');
      assert.equal(asked.exchange.target, '/f.zip?v=1');
    }
  });

  it('are refused when changed in any way, ended, or without an end', async () => {
    const good = sign(`/f.zip?v=1&expires=${soon}`);
    for (const target of [
      `/f.zip?v=1&expires=${soon}`,
      good.replace('v=1', 'v=2'),
      good.replace('/f.zip', '/g.zip'),
      good.replace(`${soon}`, `${soon + 1}`),
      `${good}&w=1`,
      `${good}x`,
      sign(`/f.zip?expires=${NOW_MS / 1000}`),
      sign('/f.zip?v=1'),
      sign(`/f.zip?expires=${soon}`, 'other'),
    ]) {
      assert.equal(await ask(target).outcome, 'forbidden', target);
    }
  });
});

describe('JSON Web Tokens', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const other = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' };
  const keys = new RefreshedTokenKeys({
    load: async () => JSON.stringify({ keys: [jwk] }),
    isRemote: false,
    onProblem: assert.fail,
  });
  await keys.settled;
  const options: JwtOptions = {
    keys,
    algorithms: ['ES256'],
    issuers: ['me'],
    audiences: ['you'],
    clockSkewMs: 30_000,
    from: 'authorization',
    claimHeaders: { 'x-roles': 'roles' },
    require: { roles: ['admin', 'editor'] },
    forwards: false,
    nowMs,
  };
  const seconds = NOW_MS / 1000;
  const token = (claims: object = {}, key = privateKey, header: object = {}) =>
    new SignJWT({
      iss: 'me',
      aud: 'you',
      sub: 'ann',
      exp: seconds + 60,
      roles: ['editor', 'x'],
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
      .sign(key);
  const ask = async (jwt: string, changes: Partial<JwtOptions> = {}) => {
    const exchange = withFields('authorization', `Bearer ${jwt}`, 'x-b', '1');
    return { exchange, outcome: await outcome(new JwtCheck({ ...options, ...changes }), exchange) };
  };

  it('pass when signed, in time and for us, and tell the peer their claims', async () => {
    const { exchange, outcome: result } = await ask(await token());
    assert.equal(result, 'passes');
    assert.equal(exchange.user, 'ann');
    assert.deepEqual(exchange.requestHeaders, ['x-b', '1', 'x-roles', 'editor,x']);
    assert.equal((await ask(await token({ exp: seconds - 20 }))).outcome, 'passes', 'clock skew');
  });

  it('are refused when anything about them is wrong', async () => {
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ann"}').toString('base64url')}.`;
    const good = await token();
    for (const [name, jwt] of [
      ['signed by another', await token({}, other.privateKey)],
      ['over', await token({ exp: seconds - 60 })],
      ['without an end', await token({ exp: undefined })],
      ['not yet good', await token({ nbf: seconds + 60 })],
      ['from another issuer', await token({ iss: 'them' })],
      ['for another audience', await token({ aud: 'them' })],
      ['with an unknown key', await token({}, privateKey, { kid: 'two' })],
      ['unsigned', none],
      ['cut', good.slice(0, -4)],
      ['of two parts', good.split('.').slice(0, 2).join('.')],
      ['endless', 'a.'.repeat(5000)],
    ] as const) {
      assert.equal((await ask(jwt)).outcome, 'unauthorized', name);
    }
    assert.equal((await ask(good, { algorithms: ['RS256'] })).outcome, 'unauthorized');
    assert.equal((await ask(await token({ roles: ['x'] }))).outcome, 'forbidden');
    assert.equal(await outcome(new JwtCheck(options), withFields()), 'unauthorized');
  });

  it('say their claims as they are, by name or by the way to them', async () => {
    const claims = {
      name: 'Ann B. See',
      'https://app/role': 'admin',
      realm_access: { roles: ['admin', 7] },
    };
    const { exchange, outcome: result } = await ask(await token(claims), {
      claimHeaders: { 'x-name': 'name', 'x-roles': 'realm_access.roles', 'x-none': 'name.length' },
      require: { 'https://app/role': ['admin'], 'realm_access.roles': ['admin'] },
    });
    assert.equal(result, 'passes');
    assert.deepEqual(exchange.requestHeaders.slice(2), [
      'x-name',
      'Ann B. See',
      'x-roles',
      'admin,7',
    ]);
  });

  it('can not put more into a field than a value', async () => {
    const { exchange } = await ask(await token({ roles: ['editor', 'a\r\nx-evil: 1'] }));
    assert.deepEqual(exchange.requestHeaders.slice(2), ['x-roles', 'editor,ax-evil: 1']);
  });

  it('are remembered until they end, and no longer than their keys', async () => {
    const jwt = await token();
    const check = new JwtCheck(options);
    const field = withFields('authorization', `Bearer ${jwt}`);
    assert.ok(check.check(field) instanceof Promise);
    await outcome(check, withFields('authorization', `Bearer ${jwt}`));
    assert.equal(check.check(withFields('authorization', `Bearer ${jwt}`)), null);
    keys.version += 1;
    assert.ok(check.check(withFields('authorization', `Bearer ${jwt}`)) instanceof Promise);
  });

  it('come in a cookie or the query when told so', async () => {
    const jwt = await token();
    const cookie = new JwtCheck({ ...options, from: 'cookie:session' });
    const inCookie = withFields('cookie', `a=1; session=${jwt}; b=2`);
    assert.equal(await outcome(cookie, inCookie), 'passes');
    assert.doesNotMatch(inCookie.requestHeaders.join(), /session/);
    assert.match(inCookie.requestHeaders.join(), /a=1.*b=2/);
    const query = new JwtCheck({ ...options, from: 'query:token' });
    const exchange = makeExchange({ target: `/a?token=${jwt}`, headers: [] });
    assert.equal(await outcome(query, exchange), 'passes');
    assert.equal(exchange.target, '/a');
    assert.equal(exchange.receivedTarget, '/a');
  });
});
