// Asks another server whether a client may pass (nginx calls it auth_request, Traefik forwardAuth): 2xx
// lets pass, any other answer is the client's.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Reply } from '../../../core/filter.ts';
import { HOP_BY_HOP_FIELDS, headerValue, type RawHeaders } from '../../../core/headers.ts';
import { messageOf } from '../../../std/message-of.ts';
import type { Answer, Asker } from './ask.ts';
import { type AccessCheck, type Refusal, removeFields } from './check.ts';
import { Verdicts } from './verdicts.ts';

const ENTRIES_MAX = 10_000;
const BODY_BYTES_MAX = 64 * 1024;

/** Fields of the answer that are not the client's when it is refused. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'content-length',
  'date',
  'server',
]);

export interface ForwardAuthOptions {
  readonly url: string;
  /** Fields of the request that are sent (lower-case). */
  readonly requestHeaders: readonly string[];
  /** Fields of the answer that the peer gets (lower-case). */
  readonly responseHeaders: readonly string[];
  readonly timeoutMs: number;
  /** How long a good answer holds for the same fields; 0: it is asked for every request. */
  readonly cacheMs: number;
  /** When the server can't be asked: let everybody pass. */
  readonly failOpen: boolean;
  readonly asker: Asker;
  readonly nowMs: () => number;
}

export class ForwardAuthCheck implements AccessCheck {
  readonly name = 'forward-auth';
  readonly #options: ForwardAuthOptions;
  readonly #given: ReadonlySet<string>;
  readonly #verdicts = new Verdicts<RawHeaders>(ENTRIES_MAX);

  constructor(options: ForwardAuthOptions) {
    this.#options = options;
    this.#given = new Set(options.responseHeaders);
  }

  check(exchange: Exchange): Refusal | null | Promise<Refusal | null> {
    const { cacheMs, nowMs } = this.#options;
    const fields = this.#fieldsOf(exchange);
    if (cacheMs === 0) return this.#ask(exchange, fields, '');
    const key = this.#verdicts.keyOf(...fields);
    const known = this.#verdicts.get(key, nowMs());
    return known === undefined ? this.#ask(exchange, fields, key) : this.#admit(exchange, known);
  }

  async #ask(exchange: Exchange, headers: RawHeaders, key: string): Promise<Refusal | null> {
    const { url, timeoutMs, cacheMs, failOpen, asker, nowMs } = this.#options;
    let answer: Answer;
    try {
      const bodyBytesMax = BODY_BYTES_MAX;
      answer = await asker.ask({ url, method: 'GET', headers, timeoutMs, bodyBytesMax });
    } catch (error) {
      const detail = messageOf(error);
      return failOpen ? null : new ProxyError('access_unavailable', `forward auth: ${detail}`);
    }
    if (answer.status >= 500) {
      const detail = `forward auth answered ${answer.status}`;
      return failOpen ? null : new ProxyError('access_unavailable', detail);
    }
    if (answer.status < 200 || answer.status > 299) return replyOf(answer);
    const given = pick(answer.headers, this.#given);
    if (cacheMs > 0) this.#verdicts.set(key, given, nowMs() + cacheMs);
    return this.#admit(exchange, given);
  }

  #admit(exchange: Exchange, given: RawHeaders): null {
    removeFields(exchange.requestHeaders, this.#given);
    exchange.requestHeaders.push(...given);
    exchange.isIdentified = true;
    const user = headerValue(given, 'remote-user') ?? headerValue(given, 'x-auth-request-user');
    if (user !== undefined) exchange.user = user;
    return null;
  }

  #fieldsOf(exchange: Exchange): RawHeaders {
    const { requestHeaders, method, scheme, host, target, clientAddress } = exchange;
    const fields = pick(requestHeaders, new Set(this.#options.requestHeaders));
    fields.push('x-forwarded-method', method, 'x-forwarded-proto', scheme);
    fields.push('x-forwarded-host', host, 'x-forwarded-uri', target);
    fields.push('x-forwarded-for', clientAddress);
    return fields;
  }
}

function pick(headers: RawHeaders, names: ReadonlySet<string>): RawHeaders {
  const picked: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (names.has(headers[at]!)) picked.push(headers[at]!, headers[at + 1]!);
  }
  return picked;
}

function replyOf({ status, headers, body }: Answer): Reply {
  const kept = headers.slice();
  removeFields(kept, NOT_PASSED_ON);
  return { status, headers: kept, body };
}
