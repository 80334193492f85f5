// API keys in a field or a query parameter, known to us only by their SHA-256: keys are long random texts,
// so that a plain hash keeps them as safe as a slow one keeps passwords.

import { createHash } from 'node:crypto';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import { type AccessCheck, type Refusal, removeFields, unauthorized } from './check.ts';
import { concealQueryParameter, queryParameter, withoutQueryParameter } from './query.ts';

export interface ApiKeyOptions {
  /** Name of the field (lower-case), or null. */
  readonly header: string | null;
  /** Name of the query parameter, or null. */
  readonly query: string | null;
  /** Names of the keys by their SHA-256 in hex. */
  readonly names: ReadonlyMap<string, string>;
  /** The peer gets the key. */
  readonly forwards: boolean;
}

export class ApiKeyCheck implements AccessCheck {
  readonly name = 'api-key';
  readonly #options: ApiKeyOptions;
  readonly #fields: ReadonlySet<string>;

  constructor(options: ApiKeyOptions) {
    this.#options = options;
    this.#fields = new Set(options.header === null ? [] : [options.header]);
  }

  check(exchange: Exchange): Refusal | null {
    const { header, query, names } = this.#options;
    const inField = header === null ? undefined : headerValue(exchange.requestHeaders, header);
    const key = inField ?? (query === null ? undefined : queryParameter(exchange.target, query));
    if (key === undefined || key === '') return this.#refuse('no API key');
    const name = names.get(createHash('sha256').update(key, 'latin1').digest('hex'));
    if (name === undefined) return this.#refuse('an unknown API key');
    exchange.user = name;
    exchange.isIdentified = true;
    return null;
  }

  conceal(exchange: Exchange): void {
    if (this.#options.query !== null) concealQueryParameter(exchange, this.#options.query);
  }

  strip(exchange: Exchange): void {
    const { query, forwards } = this.#options;
    if (forwards) return;
    removeFields(exchange.requestHeaders, this.#fields);
    if (query !== null) exchange.target = withoutQueryParameter(exchange.target, query);
  }

  #refuse(detail: string): Refusal {
    return unauthorized(detail, `ApiKey header="${this.#options.header ?? ''}"`);
  }
}
