// Makes a reply of what a plugin answers; what is no answer is an error of the plugin.

import type { Reply } from '../../core/filter.ts';
import type { RawHeaders } from '../../core/headers.ts';
import type { PluginAnswer } from '../../plugin/define-plugin.ts';
import { checkedName, checkedValue } from './fields.ts';

/** Statuses whose responses have no content (RFC 9110 section 6.4.1). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
const KNOWN: ReadonlySet<string> = new Set(['status', 'headers', 'body']);
const EMPTY = new Uint8Array(0);

/** Returns the reply. Throws a TypeError. */
export function replyOf(answer: PluginAnswer): Reply {
  if (typeof answer !== 'object' || answer === null) {
    throw new TypeError(`expected an answer with status, headers and body, got ${typeof answer}`);
  }
  const unknown = Object.keys(answer).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw new TypeError(`an answer has no '${unknown}'`);
  const { status = 200, headers = {}, body = EMPTY } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(`expected a status from 200 to 599, got ${status}`);
  }
  const bytes = bytesOf(body);
  const isBare = WITHOUT_BODY.has(status);
  return { status, headers: fieldsOf(headers), body: isBare ? EMPTY : bytes };
}

/** Returns the bytes of a text or bytes. Throws a TypeError. */
export function bytesOf(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body, 'utf8');
  if (body instanceof Uint8Array) return body;
  throw new TypeError(`expected a text or bytes, got ${typeof body}`);
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
