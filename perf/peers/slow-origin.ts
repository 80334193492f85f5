// A backend that takes its time, as a process of its own: every answer after a while. Orders as JSON in
// the first argument.

import { createServer } from 'node:http';

export interface SlowOriginOrders {
  readonly port: number;
  readonly delayMs: number;
}

const { port, delayMs } = JSON.parse(process.argv[2] ?? '') as SlowOriginOrders;
const body = Buffer.alloc(1024, 'sluice ');

createServer({ keepAliveTimeout: 600_000 }, (_request, response) => {
  setTimeout(() => {
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
  }, delayMs);
}).listen({ port, host: '127.0.0.1', backlog: 4096 });
