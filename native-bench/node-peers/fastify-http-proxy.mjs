// @fastify/http-proxy on @fastify/reply-from's undici client, without logger, as their READMEs have it.

import proxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { certificate, serve } from './serve.mjs';

serve((port, originPort) => {
  const https = certificate();
  const server = Fastify({
    ...{ logger: false, keepAliveTimeout: 75_000, bodyLimit: 2 ** 30 },
    ...(https === null ? {} : { http2: true, https }),
  });
  server.register(proxy, {
    upstream: `http://127.0.0.1:${originPort}`,
    http2: false,
    websocket: true,
    undici: { connections: Number(process.env.UPSTREAM_CONNECTIONS), pipelining: 1 },
  });
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
});
