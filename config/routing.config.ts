// The same kind of tests in TypeScript: what `expect` returns is plain data for `tests`.

import { defineConfig, expect, GET } from 'sluice';

export default defineConfig({
  listeners: [{ port: 8080 }],
  upstreams: {
    site: { peers: ['http://127.0.0.1:9001'] },
    api: { peers: ['http://127.0.0.1:9002'] },
  },
  routes: [
    { to: 'site' },
    { match: { path: '/api/*' }, to: 'api' },
    { match: { path: '/docs' }, redirect: { to: '/docs/', status: 308 } },
  ],
  tests: [
    expect(GET('https://example.com/')).toReach('site'),
    expect(GET('https://example.com/api/users')).toReach('api'),
    expect(GET('https://example.com/public/../api/users')).toReach('api'),
    expect(GET('https://example.com/public/..%2fapi/users')).toRespond(400),
    expect(GET('https://example.com/docs')).toRedirect('/docs/'),
  ],
});
