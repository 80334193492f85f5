// Why a connection to a peer did not come about, told from the code of the error that Node gives.

import { ProxyError } from './errors.ts';

/** System errors of connect(2) and of the network below it; all else on a TLS connection is TLS's. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EACCES',
  'EPERM',
  'EPIPE',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'EINVAL',
]);

/**
 * Returns the row for an error that came before the connection (TLS included) was ready:
 * `dns_failed`, `connect_timeout`, `connect_failed` or `tls_failed`.
 */
export function connectFailure(error: Error, secure: boolean): ProxyError {
  const code = codeOf(error);
  const detail = `${code} ${error.message}`.trim();
  if (code === 'ENOTFOUND' || code === 'ENODATA' || code.startsWith('EAI_')) {
    return new ProxyError('dns_failed', detail);
  }
  if (code === 'ETIMEDOUT') return new ProxyError('connect_timeout', detail);
  if (!secure || UNREACHABLE.has(code)) return new ProxyError('connect_failed', detail);
  return new ProxyError('tls_failed', detail);
}

/** Returns the code of a Node error, or '' when it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
