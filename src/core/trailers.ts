// Fields after a body: which of them may go on to the next hop.

/** What changes how a message is framed, routed, trusted or understood must come before its body. */
const NOT_AFTER_A_BODY: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'host',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'via',
  'warning',
  'www-authenticate',
]);

/** Tells whether a field (lower-case) may stand in a trailer section (RFC 9110 section 6.5.1). */
export function isTrailerField(name: string): boolean {
  return !NOT_AFTER_A_BODY.has(name) && !name.startsWith('x-forwarded-') && name !== 'forwarded';
}
