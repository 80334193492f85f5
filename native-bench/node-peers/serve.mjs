// Runs a Node proxy in as many processes as WORKERS says; one is none more than itself. The peers get
// node:cluster because that is how their documentation scales them.

import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';

/** Calls `start(port, originPort)` in every worker. */
export function serve(start) {
  const workers = Number(process.env.WORKERS ?? 1);
  if (workers > 1 && cluster.isPrimary) {
    for (let at = 0; at < workers; at += 1) cluster.fork();
    return;
  }
  start(Number(process.env.PORT), Number(process.env.ORIGIN_PORT));
}

/** The key and the certificate of CERT_FILE and KEY_FILE; null without TLS. */
export function certificate() {
  const { CERT_FILE, KEY_FILE } = process.env;
  if (CERT_FILE === undefined) return null;
  return { cert: readFileSync(CERT_FILE), key: readFileSync(KEY_FILE), allowHTTP1: true };
}

/** Node's own server: HTTP/1.1, or HTTP/2 with HTTP/1.1 beside it where there is a certificate. */
export function createFront(listener) {
  const secure = certificate();
  if (secure !== null) return createSecureServer(secure, listener);
  return createServer({ keepAliveTimeout: 75_000 }, listener);
}
