// The PROXY protocol to real peers: nginx and HAProxy that insist on it, plain and TLS, requests, WebSockets
// and active checks.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { WebSocketServer } from 'ws';
import { askApi } from '../support/admin-api.ts';
import { createAuthority } from '../support/certificates.ts';
import { request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { startForeignServer } from '../support/foreign-server.ts';
import { freePort } from '../support/free-port.ts';
import { rawUpgrade } from '../support/raw-upgrade.ts';
import { askHttp, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const UPSTREAMS = ['nginx-v1', 'nginx-v2', 'nginx-tls', 'haproxy-v1', 'haproxy-v2'];

const suite = suiteCleanup();
const ports = { nginx: 0, nginxTls: 0, nginxPlain: 0, haproxy: 0 };
let folder: TempDir;
let sluice: Sluice;
let upgradedFor = '';

before(async () => {
  folder = createTempDir(suite);
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const authority = createAuthority(suite);
  writeFileSync(folder.file('ca.pem'), authority.ca);
  const { cert, key } = authority.issue('127.0.0.1');
  writeFileSync(folder.file('server.pem'), cert);
  writeFileSync(folder.file('server.key'), key, { mode: 0o600 });
  await Promise.all([startNginx(), startHaproxy(await startChat())]);
  const active = { type: 'http', intervalMs: '200ms', path: '/' };
  const proxied = (version: string, port: number) => {
    return { peers: [`http://127.0.0.1:${port}`], sendProxy: version, active };
  };
  sluice = await startSluice(
    {
      cores: 1,
      trustedProxies: ['127.0.0.1'],
      upstreams: {
        'nginx-v1': proxied('v1', ports.nginx),
        'nginx-v2': proxied('v2', ports.nginx),
        'nginx-tls': {
          peers: [`https://127.0.0.1:${ports.nginxTls}`],
          sendProxy: 'v2',
          tls: { caFile: folder.file('ca.pem') },
          active,
        },
        'haproxy-v1': proxied('v1', ports.haproxy),
        'haproxy-v2': proxied('v2', ports.haproxy),
      },
      routes: [
        ...UPSTREAMS.map((to) => ({ match: { host: `${to}.test` }, to })),
        { match: { path: '/chat' }, to: 'haproxy-v2' },
      ],
    },
    { context: suite },
  );
});

async function startNginx(): Promise<void> {
  const config = folder.file('nginx.conf');
  writeFileSync(
    config,
    `daemon off; worker_processes 1; user root; pid ${folder.file('nginx.pid')}; error_log stderr;
     events {} http { access_log off; default_type text/plain;
     client_body_temp_path ${folder.file('body')}; proxy_temp_path ${folder.file('proxy')};
     fastcgi_temp_path ${folder.file('f')}; uwsgi_temp_path ${folder.file('u')};
     scgi_temp_path ${folder.file('s')};
     server { listen 127.0.0.1:${ports.nginxPlain}; return 200 up; }
     server {
       listen 127.0.0.1:${ports.nginx} proxy_protocol;
       listen 127.0.0.1:${ports.nginxTls} ssl proxy_protocol;
       ssl_certificate ${folder.file('server.pem')};
       ssl_certificate_key ${folder.file('server.key')};
       location / { return 200 "$proxy_protocol_addr $proxy_protocol_server_addr $proxy_protocol_server_port $connection"; }
     } }`,
  );
  const isUp = () => isAnswering(ports.nginxPlain);
  await startForeignServer('nginx', ['-c', config], { context: suite, isUp });
}

async function startHaproxy(chatPort: number): Promise<void> {
  const config = folder.file('haproxy.cfg');
  const checkPort = await freePort();
  writeFileSync(
    config,
    `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend check
  bind 127.0.0.1:${checkPort}
  http-request return status 200
frontend proxied
  bind 127.0.0.1:${ports.haproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst] %[dst_port] %[fc_pp_unique_id]" unless { path /chat }
  default_backend chat
backend chat
  http-request set-header X-Proxied-For %[src]
  server chat 127.0.0.1:${chatPort}
`,
  );
  const isUp = () => isAnswering(checkPort);
  await startForeignServer('haproxy', ['-db', '-f', config], { context: suite, isUp });
}

async function startChat(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  suite.after(() => server.close());
  server.on('connection', (_, asked) => {
    upgradedFor = String(asked.headers['x-proxied-for']);
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as { port: number }).port;
}

function isAnswering(port: number): Promise<boolean> {
  return askHttp(port, '/').then(
    () => true,
    () => false,
  );
}

interface Status {
  readonly upstreams: Readonly<
    Record<string, { readonly peers: readonly { readonly check: { readonly state: string } }[] }>
  >;
}

/** What a peer says that it was told, for a client that a trusted proxy names. */
async function told(upstream: string, client: string): Promise<string[]> {
  const answer = await request(sluice.port, {
    host: `${upstream}.test`,
    target: '/',
    fields: [`X-Forwarded-For: ${client}`],
  });
  assert.equal(answer.status, 200, answer.body.toString());
  return answer.body.toString().split(' ');
}

describe('sendProxy', () => {
  for (const upstream of UPSTREAMS) {
    it(`tells ${upstream} who the client is and what it asked`, async () => {
      for (const client of ['192.0.2.7', '2001:db8::9']) {
        const [address, server, port] = await told(upstream, client);
        assert.equal(address, client);
        assert.match(server!, /^(?:::ffff:)?127\.0\.0\.1$/);
        assert.equal(Number(port), sluice.port);
      }
    });
  }

  it('keeps a connection for its client and gives another client another one', async () => {
    const connectionFor = async (client: string) => (await told('nginx-v1', client))[3]!;
    const first = await connectionFor('192.0.2.1');
    const other = await connectionFor('192.0.2.2');
    assert.notEqual(first, other);
    assert.equal(await connectionFor('192.0.2.1'), first);
    assert.equal(await connectionFor('192.0.2.2'), other);
  });

  it('names the request in version 2, as HAProxy reads it', async () => {
    const [, , , id] = await told('haproxy-v2', '192.0.2.3');
    assert.match(id!, /^[0-9a-f]+-[0-9a-f]+$/);
  });

  it('introduces WebSockets', async (context) => {
    const fields = 'X-Forwarded-For: 192.0.2.9\r\n';
    const reply = await rawUpgrade(context, sluice.port, '/chat', fields);
    assert.match(reply, /^HTTP\/1\.1 101/);
    assert.equal(upgradedFor, '192.0.2.9');
  });

  it('lets active checks through, which speak for nobody', async () => {
    await until(
      async () => {
        const { json } = await askApi(sluice.adminPort, 'GET /api/status');
        const { upstreams } = json as Status;
        return UPSTREAMS.every((name) => upstreams[name]!.peers[0]!.check.state === 'up');
      },
      { what: 'the checks find all up' },
    );
  });
});
