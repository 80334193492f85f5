// HTTP Basic authentication (RFC 7617) against password hashes. Hashes are computed by threads; what was
// found out is remembered for a while, else a page with fifty pictures would cost fifty of them.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import type { Offload } from '../../../core/offload.ts';
import { type AccessCheck, type Refusal, removeAuthorization, unauthorized } from './check.ts';
import { Verdicts } from './verdicts.ts';

const KNOWN_MS = 5 * 60_000;
/** A wrong password again costs no hash, but may have become right in the file. */
const WRONG_MS = 5000;
const ENTRIES_MAX = 10_000;
const CREDENTIALS_BYTES_MAX = 1024;

/** Whom nobody knows is compared as well: the time it takes tells nothing. */
const NOBODY = `$2b$10$${'.'.repeat(22)}${'.'.repeat(31)}`;

export interface Users {
  /** Password hash of a user, or undefined. */
  hashOf(user: string): string | undefined;
  /** Changes when any hash did. */
  readonly version: number;
}

export interface BasicOptions {
  readonly realm: string;
  readonly users: Users;
  readonly offload: Offload;
  /** The peer gets the Authorization field. */
  readonly forwards: boolean;
  readonly nowMs: () => number;
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

export class BasicCheck implements AccessCheck {
  readonly name = 'basic';
  readonly #options: BasicOptions;
  readonly #verdicts = new Verdicts<boolean>(ENTRIES_MAX);
  /** What threads are computing: a page's fifty pictures wait for one hash. */
  readonly #running = new Map<string, Promise<boolean | ProxyError>>();
  readonly #challenge: string;
  #version = 0;

  constructor(options: BasicOptions) {
    this.#options = options;
    this.#challenge = `Basic realm="${options.realm}", charset="UTF-8"`;
  }

  check(exchange: Exchange): Refusal | null | Promise<Refusal | null> {
    const given = credentialsOf(headerValue(exchange.requestHeaders, 'authorization'));
    if (given === null) return unauthorized('no credentials', this.#challenge);
    const { users, nowMs } = this.#options;
    if (this.#version !== users.version) this.#verdicts.clear();
    this.#version = users.version;
    const key = this.#verdicts.keyOf(given.user, given.password);
    const known = this.#verdicts.get(key, nowMs());
    if (known !== undefined) return this.#conclude(exchange, given.user, known);
    return this.#ask(exchange, given, key);
  }

  strip({ requestHeaders }: Exchange): void {
    if (!this.#options.forwards) removeAuthorization(requestHeaders, 'basic ');
  }

  async #ask(exchange: Exchange, given: Credentials, key: string): Promise<Refusal | null> {
    let running = this.#running.get(key);
    if (running === undefined) {
      running = this.#compute(given, key).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
    }
    const found = await running;
    return found instanceof ProxyError ? found : this.#conclude(exchange, given.user, found);
  }

  async #compute({ user, password }: Credentials, key: string): Promise<boolean | ProxyError> {
    const { users, offload, nowMs } = this.#options;
    const { version } = users;
    const hash = users.hashOf(user);
    let isRight: boolean;
    try {
      const answer = offload.run('verify-password', { password, hash: hash ?? NOBODY });
      if (answer === null) return new ProxyError('overloaded', 'too many passwords to check');
      isRight = (await answer) === true && hash !== undefined;
    } catch (error) {
      return new ProxyError('internal_error', `password check: ${error}`);
    }
    if (version === users.version) {
      this.#verdicts.set(key, isRight, nowMs() + (isRight ? KNOWN_MS : WRONG_MS));
    }
    return isRight;
  }

  #conclude(exchange: Exchange, user: string, isRight: boolean): Refusal | null {
    if (!isRight) return unauthorized('wrong credentials', this.#challenge);
    exchange.user = user;
    exchange.isIdentified = true;
    return null;
  }
}

function credentialsOf(field: string | undefined): Credentials | null {
  const [, token = ''] = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(field ?? '') ?? [];
  if (token === '' || token.length > CREDENTIALS_BYTES_MAX) return null;
  const text = Buffer.from(token, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Parses the lines of an htpasswd file; throws an Error that names the line. */
export function parseHtpasswd(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1).trim();
    if (colon < 1) throw new Error(`line ${at + 1}: expected NAME:HASH`);
    if (!isPasswordHash(hash)) {
      throw new Error(`line ${at + 1}: expected a bcrypt, argon2, apr1 or SHA hash`);
    }
    hashes.set(Buffer.from(line.slice(0, colon), 'utf8').toString('latin1'), hash);
  }
  return hashes;
}

/** Tells whether `hash` is of a kind that can be verified: bcrypt, argon2, apr1, {SHA}. */
export function isPasswordHash(hash: string): boolean {
  return (
    /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(hash) ||
    /^\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/.test(hash) ||
    /^\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$/.test(hash) ||
    /^\{SHA\}[A-Za-z0-9+/]{27}=$/.test(hash)
  );
}

/** Users that the configuration itself names. */
export function fixedUsers(hashes: ReadonlyMap<string, string>): Users {
  return { version: 1, hashOf: (user) => hashes.get(user) };
}
