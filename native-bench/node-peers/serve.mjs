// Runs a Node proxy in as many processes as WORKERS says; one is none more than itself. The peers get
// node:cluster because that is how their documentation scales them.

import cluster from 'node:cluster';

/** Calls `start(port, originPort)` in every worker. */
export function serve(start) {
  const workers = Number(process.env.WORKERS ?? 1);
  if (workers > 1 && cluster.isPrimary) {
    for (let at = 0; at < workers; at += 1) cluster.fork();
    return;
  }
  start(Number(process.env.PORT), Number(process.env.ORIGIN_PORT));
}
