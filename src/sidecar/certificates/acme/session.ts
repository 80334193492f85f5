// Talks to one authority: its directory (RFC 8555 section 7.1.1), nonces (6.5) and signed requests (6.2). A
// request whose nonce is refused is sent again with the one that came with the refusal.

import type { KeyObject } from 'node:crypto';
import { jwkOf, signJws } from './jws.ts';
import { AcmeProblem, readProblem, readRetryAfter } from './problem.ts';
import type { Wire, WireAnswer } from './wire.ts';

/** Nonces kept for later; authorities forget old ones. */
const NONCES_MAX = 8;
/** Times that a request is sent; test servers refuse half of all nonces. */
const TRIES_MAX = 25;
const DIRECTORY_MS = 3_600_000;

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string;
  /** Null without ARI (RFC 9773). */
  readonly renewalInfo: string | null;
  readonly needsExternalAccount: boolean;
}

/** Who signs: a key alone, or with the URL of its account. */
export interface Signer {
  readonly key: KeyObject;
  readonly account: string | null;
}

export class AcmeSession {
  /** Where the directory is; names the authority. */
  readonly url: string;
  readonly #wire: Wire;
  readonly #nonces: string[] = [];
  #directory: Directory | null = null;
  #readAtMs = 0;

  constructor(url: string, wire: Wire) {
    this.url = url;
    this.#wire = wire;
  }

  async directory(): Promise<Directory> {
    const isOld = performance.now() - this.#readAtMs > DIRECTORY_MS;
    if (this.#directory !== null && !isOld) return this.#directory;
    const answer = await this.#wire.send('GET', this.url);
    if (answer.status !== 200) throw problemIn(answer);
    this.#directory = readDirectory(objectIn(answer));
    this.#readAtMs = performance.now();
    return this.#directory;
  }

  /** Reads what needs no signature. Rejects with an AcmeProblem on any answer but 200. */
  async get(url: string): Promise<WireAnswer> {
    const answer = await this.#wire.send('GET', url);
    if (answer.status !== 200) throw problemIn(answer);
    return answer;
  }

  /** Sends a signed request, null for POST-as-GET. Rejects with an AcmeProblem unless it went well. */
  async post(url: string, payload: unknown, { key, account }: Signer): Promise<WireAnswer> {
    const who = account === null ? { jwk: jwkOf(key) } : { kid: account };
    for (let tries = 1; ; tries += 1) {
      const nonce = await this.#nonce();
      const body = JSON.stringify(signJws(key, { ...who, nonce, url }, payload));
      const answer = await this.#wire.send('POST', url, body);
      this.#keepNonce(answer);
      if (answer.status >= 200 && answer.status < 300) return answer;
      const problem = problemIn(answer);
      if (problem.type !== 'badNonce' || tries >= TRIES_MAX) throw problem;
    }
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  async #nonce(): Promise<string> {
    const kept = this.#nonces.pop();
    if (kept !== undefined) return kept;
    const { newNonce } = await this.directory();
    const answer = await this.#wire.send('HEAD', newNonce);
    const nonce = nonceIn(answer);
    if (nonce !== null) return nonce;
    throw new AcmeProblem({ type: 'invalidAnswer', detail: 'no nonce', status: answer.status });
  }

  #keepNonce(answer: WireAnswer): void {
    const nonce = nonceIn(answer);
    if (nonce !== null && this.#nonces.length < NONCES_MAX) this.#nonces.push(nonce);
  }
}

/** Returns the object in an answer; throws an AcmeProblem when there is none. */
export function objectIn(answer: WireAnswer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(answer.body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch {
    // Said below.
  }
  throw new AcmeProblem({ type: 'invalidAnswer', detail: 'no JSON object', status: answer.status });
}

/** Returns an https URL in an object; throws an AcmeProblem when there is none (RFC 8555 section 6.1). */
export function urlIn(object: Readonly<Record<string, unknown>>, field: string): string {
  const value = object[field];
  if (typeof value === 'string' && /^https:/i.test(value) && URL.canParse(value)) return value;
  throw new AcmeProblem({ type: 'invalidAnswer', detail: `no https URL '${field}'` });
}

/** Returns how long an answer asks to wait, in ms; null when it does not say. */
export function retryAfterIn(answer: WireAnswer): number | null {
  return readRetryAfter(answer.header('retry-after'), Date.now());
}

function problemIn(answer: WireAnswer): AcmeProblem {
  const retryAfterMs = retryAfterIn(answer);
  return readProblem(answer.body, { status: answer.status, retryAfterMs });
}

function nonceIn(answer: WireAnswer): string | null {
  const nonce = answer.header('replay-nonce');
  return nonce !== null && /^[A-Za-z0-9_-]+$/.test(nonce) ? nonce : null;
}

function readDirectory(object: Readonly<Record<string, unknown>>): Directory {
  const { meta } = object;
  const isMap = typeof meta === 'object' && meta !== null;
  return {
    newNonce: urlIn(object, 'newNonce'),
    newAccount: urlIn(object, 'newAccount'),
    newOrder: urlIn(object, 'newOrder'),
    revokeCert: urlIn(object, 'revokeCert'),
    renewalInfo: typeof object['renewalInfo'] === 'string' ? urlIn(object, 'renewalInfo') : null,
    needsExternalAccount: isMap && Reflect.get(meta, 'externalAccountRequired') === true,
  };
}
