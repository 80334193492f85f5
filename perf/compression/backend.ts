// The peer of the study: 1 KiB at `/small`, 1 MiB elsewhere. `node backend.ts PORT`.

import { createServer } from 'node:http';
import { recordsJson } from './page.ts';

const small = recordsJson(1000);
const large = recordsJson(1024 * 1024);

createServer((request, response) => {
  const body = request.url === '/small' ? small : large;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}).listen(Number(process.argv[2]), '127.0.0.1');
