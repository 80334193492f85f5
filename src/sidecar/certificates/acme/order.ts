// One certificate from one authority (RFC 8555 section 7.4), from the order to the chain:
//
//   newOrder ─► pending ── every authorization valid ──► ready ── finalize ──► processing ──► valid ─► chain
//                  │  each: present ► respond ► poll ► clean up                    │
//                  └── an authorization is invalid ──► AcmeProblem ◄── invalid ────┘

import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createKey, keyPem, requestCertificate } from '../issue.ts';
import type { Account } from './account.ts';
import { AcmeProblem, readProblem } from './problem.ts';
import { keyAuthorizationOf, type Prover } from './proof.ts';
import { type AcmeSession, objectIn, retryAfterIn, urlIn } from './session.ts';

/** First and longest time between two looks; an authority may ask for another. */
const LOOK_FIRST_MS = 200;
const LOOK_MS_MAX = 10_000;

export interface OrderOptions {
  readonly session: AcmeSession;
  readonly account: Account;
  readonly name: string;
  /** How to prove it; the authority must offer that. */
  readonly prover: Prover;
  /** ARI identifier of the certificate that this one replaces; null for none. */
  readonly replaces: string | null;
  /** Ends it: a time limit, or a stop. */
  readonly signal: AbortSignal;
}

export interface Obtained {
  /** PEM texts; the chain begins with the certificate. */
  readonly chain: string;
  readonly key: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Gets a certificate with a new key. Rejects with an AcmeProblem, or the reason of the signal. */
export async function obtainCertificate(options: OrderOptions): Promise<Obtained> {
  const { name, session, account } = options;
  const { order, url } = await placeOrder(options);
  for (const authorization of listIn(order, 'authorizations')) {
    await authorize(authorization, options);
  }
  await poll(url, options, (current) => current['status'] !== 'pending');
  const key = createKey();
  const csr = requestCertificate([name], key).toString('base64url');
  await session.post(urlIn(order, 'finalize'), { csr }, account);
  const settled = await poll(url, options, ({ status }) => {
    return status !== 'processing' && status !== 'ready';
  });
  const answer = await session.post(urlIn(settled, 'certificate'), null, account);
  const chain = readChain(answer.body);
  checkCertificate(chain, key, name);
  return { chain, key: keyPem(key) };
}

/** Authorities may not know the certificate that is replaced, or that it was already: then without. */
async function placeOrder({ session, account, name, replaces }: OrderOptions) {
  const { newOrder, renewalInfo } = await session.directory();
  const payload = { identifiers: [{ type: 'dns', value: name }] };
  const post = async (body: object) => {
    const answer = await session.post(newOrder, body, account);
    const url = urlIn({ location: answer.header('location') }, 'location');
    return { order: objectIn(answer), url };
  };
  if (replaces === null || renewalInfo === null) return post(payload);
  try {
    return await post({ ...payload, replaces });
  } catch (error) {
    const type = error instanceof AcmeProblem ? error.type : '';
    if (!['alreadyReplaced', 'malformed', 'unauthorized'].includes(type)) throw error;
    return post(payload);
  }
}

/** Proves what an authorization is about, unless the authority still remembers. */
async function authorize(url: string, options: OrderOptions): Promise<void> {
  const { session, account, prover } = options;
  const authorization = objectIn(await session.post(url, null, account));
  if (authorization['status'] === 'valid') return;
  if (authorization['status'] !== 'pending') throw failureOf(authorization);
  const offered = challengesIn(authorization);
  const found = offered.find(({ type }) => type === prover.type);
  if (found === undefined) {
    const types = offered.map(({ type }) => String(type)).join(', ');
    await deactivate(url, options);
    const detail = `${prover.type} is not offered, only ${types}`;
    throw new AcmeProblem({ type: 'proofNotOffered', detail });
  }
  const token = String(found['token']);
  const keyAuthorization = keyAuthorizationOf(token, account.thumbprint);
  // Our own word for it: what an authority says must not become part of a path.
  const challenge = { name: options.name.replace(/^\*\./, ''), token, keyAuthorization };
  let isAnswered = false;
  try {
    await prover.present(challenge);
    await session.post(urlIn(found, 'url'), {}, account);
    isAnswered = true;
    await poll(url, options, ({ status }) => status !== 'pending');
  } finally {
    await prover.cleanup(challenge);
    if (!isAnswered) await deactivate(url, options);
  }
}

/** An authorization that is left pending counts against the account; whether this works is of no matter. */
async function deactivate(url: string, { session, account }: OrderOptions): Promise<void> {
  await session.post(url, { status: 'deactivated' }, account).catch(() => {});
}

/** Looks at `url` until it is as wanted; throws what it says when it has become invalid. */
async function poll(
  url: string,
  { session, account, signal }: OrderOptions,
  isSettled: (object: Fields) => boolean,
): Promise<Fields> {
  for (let lookMs = LOOK_FIRST_MS; ; lookMs = Math.min(lookMs * 1.5, LOOK_MS_MAX)) {
    const answer = await session.post(url, null, account);
    const object = objectIn(answer);
    const status = String(object['status']);
    if (['invalid', 'expired', 'revoked', 'deactivated'].includes(status)) throw failureOf(object);
    if (isSettled(object)) return object;
    const askedMs = Math.min(retryAfterIn(answer) ?? 0, LOOK_MS_MAX);
    await delay(Math.max(lookMs, askedMs), null, { signal });
  }
}

/** The problem is in the order, or in the challenge that failed. */
function failureOf(object: Fields): AcmeProblem {
  const failed = challengesIn(object).find(({ error }) => error !== undefined);
  const problem = object['error'] ?? failed?.['error'];
  if (problem !== undefined) return readProblem(problem);
  return new AcmeProblem({ type: 'refused', detail: `it is ${String(object['status'])}` });
}

function challengesIn(object: Fields): Fields[] {
  const { challenges } = object;
  if (!Array.isArray(challenges)) return [];
  return challenges.filter((item): item is Fields => typeof item === 'object' && item !== null);
}

function listIn(object: Fields, field: string): string[] {
  const value = object[field];
  const isWhole = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (isWhole) return value;
  throw new AcmeProblem({ type: 'invalidAnswer', detail: `no list '${field}'` });
}

/** Certificates and nothing else (RFC 8555 section 9.1): nobody slips a key in. */
function readChain(body: string): string {
  const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
  const blocks = body.match(block) ?? [];
  if (blocks.length > 0 && blocks.length <= 10) return `${blocks.join('\n')}\n`;
  throw new AcmeProblem({ type: 'invalidAnswer', detail: 'no chain of certificates' });
}

function checkCertificate(chain: string, key: ReturnType<typeof createKey>, name: string): void {
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(chain);
  } catch {
    throw new AcmeProblem({ type: 'invalidAnswer', detail: 'the certificate can not be read' });
  }
  const asked = name.replace(/^\*/, 'any');
  const isOurs = parsed.checkPrivateKey(key) && parsed.checkHost(asked) !== undefined;
  if (isOurs) return;
  throw new AcmeProblem({ type: 'invalidAnswer', detail: 'the certificate is for somebody else' });
}
