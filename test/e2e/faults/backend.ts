// A backend in a process of its own: `backend.ts NAME HOST PORT BACKLOG`. Its parent tells it how to behave
// and asks what it has done. Health checks behave as requests do, but are not counted.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** `hang`: never answers; `fail`: answers 500; `break`: resets the connection in mid-body. */
export type Conduct = 'ok' | 'hang' | 'fail' | 'break';

/** Requests by what was done with them. */
export type Deeds = Record<Conduct, number>;

export type Order = { readonly conduct: Conduct } | { readonly ask: number };

export type News = 'listening' | { readonly answer: number; readonly deeds: Deeds };

export const HEALTH_PATH = '/healthz';
const PROMISED_BYTES = 4096;

if (process.send !== undefined && import.meta.filename === process.argv[1]) serve();

function serve(): void {
  const [, , name = '', host = '', port = '', backlog = ''] = process.argv;
  const deeds: Deeds = { ok: 0, hang: 0, fail: 0, break: 0 };
  let conduct: Conduct = 'ok';
  const server = createServer((request, response) => {
    if (request.url !== HEALTH_PATH) deeds[conduct] += 1;
    response.setHeader('X-Peer', name);
    act(conduct, request, response);
  });
  process.on('message', (order: Order) => {
    if ('conduct' in order) conduct = order.conduct;
    else tell({ answer: order.ask, deeds });
  });
  // Nobody is left to serve for.
  process.on('disconnect', () => process.exit());
  server.listen({ host, port: Number(port), backlog: Number(backlog) }, () => tell('listening'));
}

function act(conduct: Conduct, request: IncomingMessage, response: ServerResponse): void {
  if (conduct === 'ok') response.end('ok');
  else if (conduct === 'fail') response.writeHead(500).end('broken');
  else if (conduct === 'break') {
    response.setHeader('Content-Length', PROMISED_BYTES);
    // The reset must not overtake the head on its way through the kernel.
    response.write('half', () => setTimeout(() => request.socket.resetAndDestroy(), 5));
  }
}

function tell(news: News): void {
  process.send?.(news);
}
