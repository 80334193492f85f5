// The little that a proxy has to know of gRPC: which requests are it, and how its clients are told that the
// proxy itself failed (grpc/grpc, doc/http-grpc-status-mapping.md).

import type { Exchange } from './exchange.ts';
import { headerValue } from './headers.ts';

/** Tells whether a request is a gRPC call. */
export function isGrpc({ method, requestHeaders }: Exchange): boolean {
  if (method !== 'POST') return false;
  const type = headerValue(requestHeaders, 'content-type');
  return type?.startsWith('application/grpc') === true && !type.startsWith('application/grpc-web');
}

/** Returns the status of gRPC that says the same as one of HTTP. */
export function grpcStatus(status: number): number {
  switch (status) {
    case 400:
      return 13; // internal
    case 401:
      return 16; // unauthenticated
    case 403:
      return 7; // permission denied
    case 404:
      return 12; // unimplemented
    case 408:
    case 504:
      return 4; // deadline exceeded
    case 413:
    case 431:
      return 8; // resource exhausted
    case 429:
    case 502:
    case 503:
      return 14; // unavailable
    default:
      return 2; // unknown
  }
}
