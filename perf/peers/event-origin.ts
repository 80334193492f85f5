// A backend of server-sent events, as a process of its own: so many a second to everybody who listens,
// each with the time of day in microseconds. Orders as JSON in the first argument.

import { createServer, type ServerResponse } from 'node:http';

export interface EventOriginOrders {
  readonly port: number;
  /** To each listener. */
  readonly eventsPerSecond: number;
}

const { port, eventsPerSecond } = JSON.parse(process.argv[2] ?? '') as EventOriginOrders;
const listeners = new Set<ServerResponse>();

createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  listeners.add(response);
  response.on('close', () => listeners.delete(response));
}).listen(port, '127.0.0.1');

setInterval(() => {
  for (const listener of listeners) {
    const nowMicros = Math.round((performance.timeOrigin + performance.now()) * 1000);
    listener.write(`data: ${nowMicros}\n\n`);
  }
}, 1000 / eventsPerSecond);
