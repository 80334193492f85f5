// The peer of the overload study: a page of 8 KiB at /page, one of 1 KiB elsewhere. `node origin.ts PORT`.

import { createServer } from 'node:http';

const LINE = '<p class="x">some text <a href="/a/b">a link</a></p>\n';
const page = Buffer.from(LINE.repeat(155));
const small = Buffer.from(LINE.repeat(20));

createServer((request, response) => {
  const body = request.url === '/page' ? page : small;
  response.writeHead(200, { 'content-type': 'text/html', 'content-length': body.length });
  response.end(body);
}).listen(Number(process.argv[2]), '127.0.0.1');
