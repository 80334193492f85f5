// The account at an authority (RFC 8555 section 7.3): registered when it is first needed, bound to an
// account elsewhere where the authority wants that (7.3.4), and kept in storage together with its key.

import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { createKey, keyPem } from '../issue.ts';
import type { CertificateStorage } from '../storage.ts';
import { jwkOf, macJws, thumbprintOf } from './jws.ts';
import { AcmeProblem } from './problem.ts';
import { type AcmeSession, type Signer, urlIn } from './session.ts';

export interface AccountSettings {
  readonly email: string | null;
  /** `key` in base64url. */
  readonly externalAccount: { readonly keyId: string; readonly key: string } | null;
}

/** An account that its authority knows. */
export interface Account extends Signer {
  readonly account: string;
  /** Of its key; part of every proof. */
  readonly thumbprint: string;
}

/** What is kept. */
interface Kept {
  readonly directory: string;
  readonly account: string;
  readonly email: string | null;
  readonly key: string;
}

/** Returns the account at `session`, which is registered if need be. Rejects with an AcmeProblem. */
export async function openAccount(
  session: AcmeSession,
  settings: AccountSettings,
  storage: CertificateStorage,
): Promise<Account> {
  const file = accountFile(storage, session.url);
  const known = readKept(await storage.read(file), session.url);
  if (known?.email === settings.email) return accountOf(known);
  const lock = await storage.lock(digestOf(session.url), AbortSignal.timeout(120_000));
  try {
    // Somebody else may have done it meanwhile.
    const kept = readKept(await storage.read(file), session.url);
    if (kept?.email === settings.email) return accountOf(kept);
    const next =
      kept === null
        ? await register(session, settings)
        : await changeContact(session, kept, settings.email);
    await storage.write(file, `${JSON.stringify(next, null, 2)}\n`);
    return accountOf(next);
  } finally {
    await lock.release();
  }
}

/** Forgets an account that its authority no longer knows; the next one gets a new key. */
export async function forgetAccount(
  session: AcmeSession,
  storage: CertificateStorage,
): Promise<void> {
  await storage.remove(accountFile(storage, session.url));
}

async function register(session: AcmeSession, settings: AccountSettings): Promise<Kept> {
  const { email, externalAccount } = settings;
  const { newAccount, needsExternalAccount } = await session.directory();
  if (needsExternalAccount && externalAccount === null) {
    const detail = `${session.url} wants an externalAccount`;
    throw new AcmeProblem({ type: 'externalAccountRequired', detail });
  }
  const key = createKey();
  const binding = externalAccount === null ? {} : bindingOf(key, newAccount, externalAccount);
  const payload = { termsOfServiceAgreed: true, ...contactOf(email), ...binding };
  const answer = await session.post(newAccount, payload, { key, account: null });
  const account = urlIn({ location: answer.header('location') }, 'location');
  return { directory: session.url, account, email, key: keyPem(key) };
}

async function changeContact(
  session: AcmeSession,
  kept: Kept,
  email: string | null,
): Promise<Kept> {
  const contact = email === null ? { contact: [] } : contactOf(email);
  await session.post(kept.account, contact, accountOf(kept));
  return { ...kept, email };
}

function bindingOf(
  key: KeyObject,
  url: string,
  { keyId, key: secret }: NonNullable<AccountSettings['externalAccount']>,
) {
  const header = { kid: keyId, url };
  return {
    externalAccountBinding: macJws(Buffer.from(secret, 'base64url'), header, jwkOf(key)),
  };
}

function contactOf(email: string | null): { readonly contact?: readonly string[] } {
  return email === null ? {} : { contact: [`mailto:${email}`] };
}

function accountOf({ account, key: pem }: Kept): Account {
  const key = createPrivateKey(pem);
  return { account, key, thumbprint: thumbprintOf(jwkOf(key)) };
}

/** A file that can't be used counts as none: accounts cost nothing. */
function readKept(text: string | null, directory: string): Kept | null {
  try {
    const kept = JSON.parse(text ?? 'null') as Kept | null;
    if (kept?.directory !== directory || typeof kept.account !== 'string') return null;
    createPrivateKey(kept.key);
    return kept;
  } catch {
    return null;
  }
}

function accountFile({ root }: CertificateStorage, directory: string): string {
  return join(root, 'accounts', `${digestOf(directory)}.json`);
}

function digestOf(directory: string): string {
  return `account-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
}
