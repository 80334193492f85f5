// node-http-proxy as its README has it for many requests: with an agent that keeps connections alive.

import { Agent } from 'node:http';
import httpProxy from 'http-proxy';
import { createFront, serve } from './serve.mjs';

serve((port, originPort) => {
  const proxy = httpProxy.createProxyServer({
    target: `http://127.0.0.1:${originPort}`,
    agent: new Agent({
      keepAlive: true,
      maxSockets: Number.POSITIVE_INFINITY,
      maxFreeSockets: 2048,
    }),
    ws: true,
  });
  proxy.on('error', (_error, _request, response) => response?.destroy());
  const server = createFront((request, response) => {
    proxy.web(request, response);
  });
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head));
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
});
