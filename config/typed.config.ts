// A configuration in TypeScript: code makes it, types check it. A route to an upstream that is not here
// fails to type-check; what comes out must be plain data.

import { defineConfig } from 'sluice';

const ports = [9001, 9002, 9003];

export default defineConfig({
  cores: 'auto',
  listeners: [{ port: 8080 }],
  upstreams: {
    app: { peers: ports.map((port) => `http://127.0.0.1:${port}`) },
    admin: { peers: ['http://127.0.0.1:9100'], timeouts: { headMs: '10s' } },
  },
  routes: [
    { match: { host: 'admin.example.com' }, to: 'admin' },
    { match: { path: ['/static/*', '/images/*'], method: ['GET', 'HEAD'] }, to: 'app' },
    { to: 'app' },
  ],
  log: { access: process.env['NODE_ENV'] === 'production' ? 'json' : 'combined' },
});
