// Bodies of JSON that routes ask for: read as far as a bound, and left as if nobody had looked.
//
//   offer ──► routing ── a condition wants the body ──► read ──► routing again

import { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { headerValue, type RawHeaders } from '../core/headers.ts';
import type { BodyFacts } from '../core/request-body.ts';
import { readJson } from '../routing/json-value.ts';
import { firstBytes } from './filter/guard/first-bytes.ts';

export interface JsonBodySettings {
  readonly bytesMax: number;
  /** What becomes of a body of JSON that can't be read: no value matches, or the request is refused. */
  readonly unreadable: 'pass' | 'refuse';
}

/** Why a request is refused, or null. */
type Refusal = ProxyError | null;

export class JsonBodies {
  readonly #settings: JsonBodySettings;

  constructor(settings: JsonBodySettings) {
    this.#settings = settings;
  }

  /** Lets conditions ask for the body of an exchange, if it is JSON by its type. */
  offer(exchange: Exchange): void {
    if (exchange.requestBody === null || !isJson(exchange.requestHeaders)) return;
    exchange.bodyFacts = new ReadFacts();
  }

  /** Reads the body of an exchange that `offer` took; calls `done` once, at once when all of it is here. */
  read(exchange: Exchange, done: (refusal: Refusal) => void): void {
    const body = exchange.requestBody!;
    const { bytesMax } = this.#settings;
    if (isEncoded(exchange.requestHeaders)) {
      const refusal = new ProxyError('unsupported_type', 'encoded');
      done(this.#settle(exchange, undefined, refusal));
    } else if (body.byteLength > bytesMax) {
      // What is declared need not be waited for.
      done(this.#tooLong(exchange));
    } else {
      const bytes = firstBytes(body, bytesMax + 1);
      if (bytes instanceof Promise) void bytes.then((all) => done(this.#take(exchange, all)));
      else done(this.#take(exchange, bytes));
    }
  }

  #take(exchange: Exchange, bytes: Uint8Array): Refusal {
    if (bytes.byteLength > this.#settings.bytesMax) return this.#tooLong(exchange);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
    return this.#settle(exchange, readJson(text), new ProxyError('bad_request', 'malformed JSON'));
  }

  #tooLong(exchange: Exchange): Refusal {
    return this.#settle(exchange, undefined, new ProxyError('body_too_large', 'to be read'));
  }

  #settle(exchange: Exchange, json: unknown, error: ProxyError): Refusal {
    exchange.bodyFacts = new ReadFacts(json, true);
    return json === undefined && this.#settings.unreadable === 'refuse' ? error : null;
  }
}

class ReadFacts implements BodyFacts {
  readonly json: unknown;
  readonly isRead: boolean;
  isWanted = false;

  constructor(json: unknown = undefined, isRead = false) {
    this.json = json;
    this.isRead = isRead;
  }
}

function isJson(headers: RawHeaders): boolean {
  const type = headerValue(headers, 'content-type');
  return type !== undefined && /^application\/(?:[\w.+-]+\+)?json(?:\s*;|\s*$)/i.test(type);
}

function isEncoded(headers: RawHeaders): boolean {
  const coding = headerValue(headers, 'content-encoding');
  return coding !== undefined && coding.toLowerCase() !== 'identity';
}
