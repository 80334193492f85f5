// A finished exchange with every field set, for log lines and metrics.

import { type FailureCode, ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import { makeExchange, makePeers, makePlan } from '../worker/support/exchanges.ts';

export interface Finished {
  readonly method?: string;
  readonly target?: string;
  readonly host?: string;
  readonly userAgent?: string;
  readonly referer?: string;
  readonly clientAddress?: string;
  readonly route?: string;
  readonly routeIndex?: number;
  readonly status?: number;
  readonly failure?: FailureCode;
  readonly detail?: string;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  readonly hasRoute?: boolean;
}

export function finishedExchange(finished: Finished = {}): Exchange {
  const headers = ['host', 'example.com', 'authorization', 'Basic c2VjcmV0', 'cookie', 'secret=1'];
  if (finished.userAgent !== undefined) headers.push('user-agent', finished.userAgent);
  if (finished.referer !== undefined) headers.push('referer', finished.referer);
  const exchange = makeExchange({
    headers,
    method: finished.method ?? 'GET',
    target: finished.target ?? '/a?b=c',
    host: finished.host ?? 'example.com',
  });
  exchange.requestId = 'id-1';
  exchange.clientAddress = finished.clientAddress ?? '192.0.2.1';
  exchange.status = finished.status ?? 200;
  exchange.bytesSent = finished.bytesSent ?? 1024;
  exchange.bytesReceived = finished.bytesReceived ?? 0;
  if (finished.hasRoute !== false) {
    const route = finished.route ?? 'images';
    exchange.plan = makePlan({ route, routeIndex: finished.routeIndex ?? 0 });
    exchange.peer = makePeers(1)[0]!.peer;
    exchange.attempts = 1;
    exchange.headAtMs = exchange.startedAtMs + 1.5;
  }
  if (finished.failure !== undefined) {
    exchange.failure = new ProxyError(finished.failure, finished.detail ?? '');
  }
  return exchange;
}
