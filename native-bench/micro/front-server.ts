// The two fronts of micro/front.ts, as a process of its own: answers every request with 1 KiB, by
// uWebSockets.js or by node:http. Which one and the port are its arguments.

import { App } from 'uWebSockets.js';
import { createServer } from 'node:http';

const [front, port] = process.argv.slice(2);
const body = 'sluice '.repeat(200).slice(0, 1024);

if (front === 'uws') {
  App()
    .any('/*', (response) => {
      response.writeHeader('content-type', 'text/plain').end(body);
    })
    .listen('127.0.0.1', Number(port), () => {});
} else {
  createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
    response.end(body);
  }).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
}
