// Makes a reply of what a plugin answers; what is no answer is an error of the plugin.

import type { Reply } from '../../core/filter.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import { isWithoutBody } from '../../core/response-body.ts';
import type { PluginAnswer } from '../../plugin/define-plugin.ts';
import { checkedName, checkedValue } from './fields.ts';

const KNOWN: ReadonlySet<string> = new Set(['status', 'headers', 'body']);
const EMPTY = new Uint8Array(0);

/** Returns the reply. Throws a TypeError. */
export function replyOf(answer: PluginAnswer): Reply {
  // A web response would look like an empty answer: that is for handlers.
  const kind = Object.prototype.toString.call(answer);
  if (kind !== '[object Object]') {
    throw new TypeError(`expected an answer with status, headers and body, got ${kind}`);
  }
  const unknown = Object.keys(answer).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw new TypeError(`an answer has no '${unknown}'`);
  const { status = 200, headers = {}, body = EMPTY } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`expected a status from 200 to 599, got ${status}`);
  }
  const bytes = bytesOf(body);
  const fields = fieldsOf(headers);
  if (isWithoutBody(status)) return { status, headers: fields, body: EMPTY };
  if (typeof body === 'string' && headerValue(fields, 'content-type') === undefined) {
    fields.push('content-type', 'text/plain; charset=utf-8');
  }
  return { status, headers: fields, body: bytes };
}

/** Returns the bytes of a text or bytes. Throws a TypeError. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (body instanceof Uint8Array) return body;
  disarm(body);
  throw new TypeError(`expected a text or bytes, got ${typeof body}`);
}

/** Where no promise is expected, nobody else would notice that one rejects: the process would end. */
export function disarm(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}

function fieldsOf(headers: NonNullable<PluginAnswer['headers']>): RawHeaders {
  const fields: RawHeaders = [];
  for (const [written, values] of Object.entries(headers)) {
    const name = checkedName(written);
    for (const value of typeof values === 'string' ? [values] : values) {
      fields.push(name, checkedValue(value));
    }
  }
  return fields;
}
