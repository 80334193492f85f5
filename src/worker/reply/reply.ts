// Answers that the proxy makes itself: small, complete, sent through the same sink as any response.

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Reply } from '../../core/filter.ts';
import { grpcStatus, isGrpc } from '../../core/grpc.ts';
import { asksForJson } from '../../core/json-clients.ts';
import type { ErrorPages } from '../../core/plan.ts';
import type { Source } from '../../core/sink.ts';

const NO_BODY = new Uint8Array(0);

/** What stands behind a reply: all of it is there already. */
const NOTHING_BEHIND: Source = { pause() {}, resume() {}, cancel() {} };

/** Sends a complete answer and ends the exchange. */
export function sendReply(exchange: Exchange, reply: Reply): void {
  exchange.status = reply.status;
  const edits = exchange.plan?.answerEdits ?? null;
  exchange.responseHeaders = edits === null ? reply.headers : edits.apply(reply.headers, exchange);
  exchange.responseByteLength = reply.body.byteLength;
  const client = exchange.client;
  client.start(NOTHING_BEHIND);
  if (exchange.method !== 'HEAD' && reply.body.byteLength > 0) client.write(reply.body);
  client.end();
}

/**
 * Returns the answer to a failure: a page of the operator, plain text, or JSON for clients that accept it,
 * with the request's id and nothing about the inside (details go to the log).
 */
export function failureReply(
  exchange: Exchange,
  error: ProxyError,
  pages: ErrorPages | null,
): Reply {
  const { status, message } = error.failure;
  const headers = ['cache-control', 'no-store', 'x-request-id', exchange.requestId];
  if (status === 503 || status === 429)
    headers.push('retry-after', String(error.retryAfterSeconds));
  headers.push(...error.headers);
  if (isGrpc(exchange)) {
    // A call always succeeds for HTTP; without a body its trailers stand in the head.
    headers.push('content-type', 'application/grpc', 'grpc-status', `${grpcStatus(status)}`);
    headers.push('grpc-message', message.replaceAll('%', '%25'));
    return { status: 200, headers, body: NO_BODY };
  }
  const page = pages === null ? null : pages.replyFor(exchange, status);
  if (page !== null) return { status, headers: [...headers, ...page.headers], body: page.body };
  if (asksForJson(exchange)) {
    headers.push('content-type', 'application/json');
    const body = { status, code: error.code, message, requestId: exchange.requestId };
    return { status, headers, body: Buffer.from(`${JSON.stringify(body)}\n`) };
  }
  headers.push('content-type', 'text/plain; charset=utf-8');
  return {
    status,
    headers,
    body: Buffer.from(`${status} ${message}\nrequest id: ${exchange.requestId}\n`),
  };
}

/** Answers with a failure and notes it for log and metrics. `pages`: of those that no route takes. */
export function replyWithFailure(
  exchange: Exchange,
  error: ProxyError,
  pages: ErrorPages | null = null,
): void {
  exchange.failure = error;
  exchange.cacheFetch?.refused();
  const { plan } = exchange;
  sendReply(exchange, failureReply(exchange, error, plan === null ? pages : plan.errorPages));
}

/** Closes the client's connection without an answer. */
export function hangUp(exchange: Exchange, error: ProxyError): void {
  exchange.failure = error;
  exchange.status = error.failure.status;
  exchange.client.fail(error);
}
