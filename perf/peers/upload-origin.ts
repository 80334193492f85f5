// A backend that reads a request to its end before it answers, as a process of its own: the origin of
// native-bench answers at once, and then no proxy has to pass the body on. Orders as JSON in the first
// argument.

import { createServer } from 'node:http';

export interface UploadOriginOrders {
  readonly port: number;
}

const { port } = JSON.parse(process.argv[2] ?? '') as UploadOriginOrders;

createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => {
    const body = `${bytes}\n`;
    response.writeHead(200, { 'content-length': body.length });
    response.end(body);
  });
}).listen({ port, host: '127.0.0.1', backlog: 4096 });
