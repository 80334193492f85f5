// The one table of failures: what went wrong, who is to blame, whether an attempt may be repeated, and
// what the client is told. Everything that refuses or breaks an exchange is a row of it.

import type { RawHeaders } from './headers.ts';

/** Who caused the failure; a client's fault is never held against a peer. */
export type FailureSource = 'client' | 'peer' | 'proxy';

/**
 * When another attempt is allowed. `any-method`: not one byte of the request can have been processed.
 * `idempotent`: the peer may have seen the request (RFC 9110 section 9.2.2). `never`: repeating is
 * useless or unsafe.
 */
export type RetryRule = 'any-method' | 'idempotent' | 'never';

/** One row: the stable reason for log and metrics is the key of the table. */
export interface Failure {
  readonly status: number;
  readonly source: FailureSource;
  readonly retry: RetryRule;
  readonly message: string;
}

export const failures = {
  bad_request: row(400, 'client', 'never', 'The request is malformed.'),
  bad_framing: row(400, 'client', 'never', 'The length of the request is ambiguous.'),
  bad_host: row(400, 'client', 'never', 'The request must name exactly one valid host.'),
  bad_target: row(400, 'client', 'never', 'The request target is not valid.'),
  unauthorized: row(401, 'client', 'never', 'Valid credentials are required.'),
  forbidden: row(403, 'client', 'never', 'This request is not allowed.'),
  no_route: row(404, 'proxy', 'never', 'No route matches this request.'),
  no_script: row(404, 'proxy', 'never', 'No script answers this path.'),
  method_not_allowed: row(405, 'client', 'never', 'This method is not allowed here.'),
  request_timeout: row(408, 'client', 'never', 'The request did not arrive in time.'),
  length_required: row(411, 'client', 'never', 'The length of the request body must be declared.'),
  body_too_large: row(413, 'client', 'never', 'The request body is too large.'),
  target_too_long: row(414, 'client', 'never', 'The request target is too long.'),
  unsupported_type: row(415, 'client', 'never', 'This type of body is not supported.'),
  upgrade_required: row(426, 'client', 'never', 'This version of WebSocket is not supported.'),
  too_many_requests: row(429, 'client', 'never', 'Too many requests.'),
  head_too_large: row(431, 'client', 'never', 'The request head is too large.'),
  closed: row(444, 'proxy', 'never', 'The route closes the connection without an answer.'),
  client_closed: row(499, 'client', 'never', 'The client closed the connection.'),
  /** After the head: it held up others who read the same body. */
  reader_too_slow: row(499, 'client', 'never', 'The client read too slowly.'),
  internal_error: row(500, 'proxy', 'never', 'The proxy failed.'),
  plugin_failed: row(500, 'proxy', 'never', 'A part of the proxy failed.'),
  plugin_timeout: row(500, 'proxy', 'never', 'A part of the proxy did not answer in time.'),
  connect_failed: row(502, 'peer', 'any-method', 'The upstream could not be reached.'),
  dns_failed: row(502, 'peer', 'any-method', 'The upstream name could not be resolved.'),
  tls_failed: row(502, 'peer', 'any-method', 'The upstream could not be trusted.'),
  peer_reset: row(502, 'peer', 'idempotent', 'The upstream closed the connection.'),
  bad_response: row(502, 'peer', 'never', 'The upstream sent an invalid response.'),
  /** In `retry.statuses`; told to nobody but peers' records unless the other attempt never begins. */
  error_status: row(502, 'peer', 'idempotent', 'The upstream answered with an error.'),
  response_head_too_large: row(
    502,
    'peer',
    'never',
    'The upstream sent an oversized response head.',
  ),
  upgrade_failed: row(502, 'peer', 'never', 'The upstream failed to switch protocols.'),
  body_broken: row(502, 'peer', 'never', 'The upstream broke off in the middle of its response.'),
  undecodable: row(
    502,
    'peer',
    'never',
    'The upstream sent a body that cannot be decoded, or too large a one.',
  ),
  no_peer: row(503, 'proxy', 'never', 'No upstream server is available.'),
  breaker_open: row(503, 'proxy', 'never', 'The upstream is failing and is given a rest.'),
  queue_full: row(503, 'proxy', 'never', 'Too many requests are waiting for the upstream.'),
  queue_timeout: row(503, 'proxy', 'never', 'The upstream had no free connection in time.'),
  plugin_resting: row(503, 'proxy', 'never', 'A part of the proxy is failing.'),
  access_unavailable: row(503, 'proxy', 'never', 'Credentials cannot be checked at the moment.'),
  overloaded: row(503, 'proxy', 'never', 'The proxy is at its limit.'),
  draining: row(503, 'proxy', 'never', 'The proxy is shutting down.'),
  not_stored: row(504, 'client', 'never', 'Nothing is stored that answers this request.'),
  connect_timeout: row(
    504,
    'peer',
    'any-method',
    'The upstream did not accept a connection in time.',
  ),
  head_timeout: row(504, 'peer', 'never', 'The upstream did not answer in time.'),
  body_timeout: row(504, 'peer', 'never', 'The upstream stopped sending.'),
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof failures;

const NO_HEADERS: RawHeaders = [];

/** A failure that happened: a row plus what is worth telling the operator (never the client). */
export class ProxyError {
  readonly code: FailureCode;
  readonly detail: string;
  /** When it is worth asking again; goes with a status of 429 or 503 (RFC 9110 section 10.2.3). */
  readonly retryAfterSeconds: number;
  /** Further fields of the answer, such as a challenge. */
  readonly headers: RawHeaders;

  constructor(
    code: FailureCode,
    detail = '',
    retryAfterSeconds = 1,
    headers: RawHeaders = NO_HEADERS,
  ) {
    this.code = code;
    this.detail = detail;
    this.retryAfterSeconds = retryAfterSeconds;
    this.headers = headers;
  }

  get failure(): Failure {
    return failures[this.code];
  }
}

function row(status: number, source: FailureSource, retry: RetryRule, message: string): Failure {
  return { status, source, retry, message };
}
