// The keys of a JSON Web Key Set (RFC 7517), from a file or from a URL: fetched at the start, again every
// ten minutes, and when a token names a key that is not there, though not more often than every 30 s.
// While they can't be had, the last ones stay good.

import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { messageOf } from '../../../std/message-of.ts';
import type { TokenKeys } from './jwt.ts';

const REFRESH_MS = 10 * 60_000;
const COOLDOWN_MS = 30_000;
/** Until there are any. */
const FIRST_RETRY_MS = 1000;

export interface TokenKeysOptions {
  /** Returns the text of the set; rejects with an Error that says why not. */
  readonly load: () => Promise<string>;
  /** The set can change where it comes from. */
  readonly isRemote: boolean;
  readonly onProblem: (detail: string) => void;
}

export class RefreshedTokenKeys implements TokenKeys {
  version = 0;
  readonly #options: TokenKeysOptions;
  #text = '';
  #resolve: JWTVerifyGetKey | null = null;
  #loadedAtMs = 0;
  #loading: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: TokenKeysOptions) {
    this.#options = options;
    void this.#load();
  }

  get isEmpty(): boolean {
    return this.#resolve === null;
  }

  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    const resolve = this.#resolve!;
    try {
      return await resolve(header, token);
    } catch (error) {
      const mayHelp = this.#options.isRemote && performance.now() - this.#loadedAtMs > COOLDOWN_MS;
      if (!mayHelp) throw error;
      await this.#load();
      return this.#resolve!(header, token);
    }
  };

  /** Settles when the running attempt to load has; for tests and for the start. */
  get settled(): Promise<void> {
    return this.#loading ?? Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #load(): Promise<void> {
    this.#loading ??= this.#loadOnce().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #loadOnce(): Promise<void> {
    this.#loadedAtMs = performance.now();
    try {
      const text = await this.#options.load();
      if (text !== this.#text) {
        this.#resolve = createLocalJWKSet(JSON.parse(text) as JSONWebKeySet);
        this.#text = text;
        this.version += 1;
      }
    } catch (error) {
      this.#options.onProblem(messageOf(error));
    }
    if (this.#isClosed || !this.#options.isRemote) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const againMs = this.isEmpty ? FIRST_RETRY_MS : REFRESH_MS;
    this.#timer = setTimeout(() => void this.#load(), againMs);
    this.#timer.unref();
  }
}
