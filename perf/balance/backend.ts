// A scripted backend as a process of its own: so many requests at a time, each for a fixed time, the
// rest wait in order. Orders as JSON in the first argument; `/served` tells how many it has answered.

import { createServer, type ServerResponse } from 'node:http';
import type { PeerModel } from './model-peer.ts';

const { port, slots, serviceMs } = JSON.parse(process.argv[2] ?? '') as PeerModel & {
  port: number;
};
const body = Buffer.alloc(200, 'sluice ');
const waiting: ServerResponse[] = [];
let busy = 0;
let served = 0;

const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.url === '/served') response.end(String(served));
  else if (busy < slots) work(response);
  else waiting.push(response);
});
server.listen(port, '127.0.0.1');

function work(response: ServerResponse): void {
  busy += 1;
  setTimeout(() => {
    busy -= 1;
    served += 1;
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
    const next = waiting.shift();
    if (next !== undefined) work(next);
  }, serviceMs);
}
