// Accounts and signed requests against an authority with moods.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import {
  type AccountSettings,
  openAccount,
} from '../../../../../src/sidecar/certificates/acme/account.ts';
import { AcmeSession } from '../../../../../src/sidecar/certificates/acme/session.ts';
import { CertificateStorage } from '../../../../../src/sidecar/certificates/storage.ts';
import { FakeAuthority } from '../../../../support/fake-authority.ts';
import { createTempDir } from '../../../../support/temp-dir.ts';

const URL = 'https://ca.test/directory';
const nobody: AccountSettings = { email: null, externalAccount: null };

function start(context: TestContext, externalAccounts?: Record<string, string>) {
  const options = externalAccounts === undefined ? {} : { externalAccounts };
  const fake = new FakeAuthority({ url: URL, context, ...options });
  const storage = new CertificateStorage(createTempDir(context).path);
  return { fake, storage, session: new AcmeSession(URL, fake) };
}

describe('an account', () => {
  it('is registered once and kept, for nobody else to read', async (context) => {
    const { fake, storage, session } = start(context);
    const first = await openAccount(session, nobody, storage);
    const again = await openAccount(new AcmeSession(URL, fake), nobody, storage);
    assert.equal(again.account, first.account);
    assert.equal(again.thumbprint, first.thumbprint);
    assert.equal(fake.accounts.size, 1);
    const folder = `${storage.root}/accounts`;
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('is registered once by several at a time', async (context) => {
    const { fake, storage } = start(context);
    const all = await Promise.all(
      Array.from({ length: 4 }, () => openAccount(new AcmeSession(URL, fake), nobody, storage)),
    );
    assert.equal(new Set(all.map(({ account }) => account)).size, 1);
    assert.equal(fake.accounts.size, 1);
  });

  it('follows a changed address', async (context) => {
    const { fake, storage, session } = start(context);
    const { account } = await openAccount(session, nobody, storage);
    const changed = await openAccount(session, { ...nobody, email: 'a@b.test' }, storage);
    assert.equal(changed.account, account);
    await openAccount(session, { ...nobody, email: 'a@b.test' }, storage);
    await openAccount(session, nobody, storage);
    assert.deepEqual(fake.contacts, [null, ['mailto:a@b.test'], []]);
  });

  it('is bound to an account elsewhere', async (context) => {
    const key = Buffer.alloc(32, 1).toString('base64url');
    const { storage, session } = start(context, { 'kid-1': key });
    await assert.rejects(openAccount(session, nobody, storage), /wants an externalAccount/);
    const wrong = { keyId: 'kid-1', key: Buffer.alloc(32, 2).toString('base64url') };
    await assert.rejects(openAccount(session, { ...nobody, externalAccount: wrong }, storage), {
      type: 'externalAccountRequired',
    });
    await openAccount(session, { ...nobody, externalAccount: { keyId: 'kid-1', key } }, storage);
  });

  it('is made anew when what is kept can not be read', async (context) => {
    const { fake, storage, session } = start(context);
    await openAccount(session, nobody, storage);
    const [name] = await import('node:fs').then(({ readdirSync }) =>
      readdirSync(`${storage.root}/accounts`),
    );
    await storage.write(`${storage.root}/accounts/${name}`, '{"directory":');
    await openAccount(session, nobody, storage);
    assert.equal(fake.accounts.size, 2);
  });
});

describe('a signed request', () => {
  it('is sent again when its nonce is refused, and not without end', async (context) => {
    const { fake, storage, session } = start(context);
    fake.moods.noncesRefused = 20;
    await openAccount(session, nobody, storage);
    assert.equal(fake.asked.filter((one) => one === 'POST new-account').length, 21);
    assert.equal(fake.asked.filter((one) => one === 'HEAD nonce').length, 1);
    fake.moods.noncesRefused = 1000;
    const account = openAccount(session, { ...nobody, email: 'a@b.test' }, storage);
    await assert.rejects(account, { type: 'badNonce' });
  });

  it('fails by name when the authority is not there, or none', async (context) => {
    const { fake, storage, session } = start(context);
    fake.moods.problems = { 'new-account': [{ type: 'serverInternal', status: 500 }] };
    await assert.rejects(openAccount(session, nobody, storage), { type: 'serverInternal' });
    const elsewhere = new AcmeSession('https://ca.test/nowhere', fake);
    await assert.rejects(openAccount(elsewhere, nobody, storage), { name: 'AcmeProblem' });
  });
});
