// Fields after a body: which of them may go on to the next hop.

import { HOP_BY_HOP_FIELDS } from './headers.ts';

/** What changes how a message is framed, routed, trusted or understood must come before its body. */
const NOT_AFTER_A_BODY: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'retry-after',
  'set-cookie',
  'vary',
  'via',
  'warning',
  'www-authenticate',
]);

/** Tells whether a field (lower-case) may stand in a trailer section (RFC 9110 section 6.5.1). */
export function isTrailerField(name: string): boolean {
  return !NOT_AFTER_A_BODY.has(name) && !name.startsWith('x-forwarded-') && name !== 'forwarded';
}
