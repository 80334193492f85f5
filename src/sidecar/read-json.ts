// The body of a request to the admin server: bounded, JSON in UTF-8, declared as such. A page in a browser
// can't send that type to another origin without asking first, so it also keeps such pages out.

import type { IncomingMessage } from 'node:http';
import { messageOf } from '../std/message-of.ts';
import { type AdminAnswer, problem } from './admin-answer.ts';

/** Largest body in bytes. */
export const bodyBytesMax = 64 * 1024;

export type ReadBody =
  /** `value` is undefined for an empty body. */
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly answer: AdminAnswer }
  /** The client left in the middle. */
  | { readonly kind: 'aborted' };

/** Reads the body of `request`, or says with what it is refused; what is refused flows away. */
export function readJson(request: IncomingMessage): Promise<ReadBody> {
  if (!isJsonType(request.headers['content-type'] ?? '')) {
    request.resume();
    const message = 'Send content-type: application/json.';
    return Promise.resolve(refuse(415, 'unsupported_media_type', message));
  }
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  return new Promise((resolve) => {
    request.on('data', (part: Buffer) => {
      sizeBytes += part.length;
      if (sizeBytes <= bodyBytesMax) parts.push(part);
      else resolve(refuse(413, 'body_too_large', `A body may have ${bodyBytesMax} bytes.`));
    });
    request.on('end', () => resolve(parse(Buffer.concat(parts))));
    request.on('error', () => resolve({ kind: 'aborted' }));
    request.on('close', () => resolve({ kind: 'aborted' }));
  });
}

function parse(bytes: Buffer): ReadBody {
  if (bytes.length === 0) return { kind: 'json', value: undefined };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    const detail = messageOf(error);
    return refuse(400, 'malformed', `The body is not JSON: ${detail}`);
  }
}

function isJsonType(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const isUtf8 = parameters.every((one) => !/^\s*charset=/.test(one) || /utf-?8/.test(one));
  return type.trim() === 'application/json' && isUtf8;
}

function refuse(...args: Parameters<typeof problem>): ReadBody {
  return { kind: 'refused', answer: problem(...args) };
}
