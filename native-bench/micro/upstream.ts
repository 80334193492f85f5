// CPU time per request of a transport alone: a loop of exchanges against an origin that runs elsewhere.
//
//   taskset -c 0 node native-bench/micro/upstream.ts http://127.0.0.1:9001/small own|undici [PIPELINING]
//
// Run the variants in turn, several times: one run alone says little on a busy machine.

import { Client } from 'undici';
import type { ProxyError } from '../../src/core/errors.ts';
import { Exchange } from '../../src/core/exchange.ts';
import { Peer } from '../../src/core/peer.ts';
import type { Sink } from '../../src/core/sink.ts';
import type { Attempt } from '../../src/core/upstream.ts';
import { Http1Pools } from '../../src/worker/upstream/http1/pools.ts';
import { createHttp1Upstream } from '../../src/worker/upstream/http1/upstream.ts';

const CONCURRENT = 64;
const WARM_UP_MS = 1000;
const MEASURED_MS = 4000;
const HEADERS =
  'user-agent bench x-forwarded-for 127.0.0.1 x-forwarded-host 127.0.0.1 x-forwarded-proto http';

const [address = 'http://127.0.0.1:9001/', variant = 'own', pipelining = '1'] =
  process.argv.slice(2);
const url = new URL(address);
const entry = { listener: 'bench', scheme: 'http', port: 80 } as const;
let done = 0;
let failed = 0;
let ready: (() => void)[] = [];

/** As in the proxy: the next request of a client comes in a later turn. */
function finish(again: () => void, error: ProxyError | Error | null): void {
  done += 1;
  if (error !== null) failed += 1;
  if (ready.length === 0) setImmediate(runReady);
  ready.push(again);
}

function runReady(): void {
  const now = ready;
  ready = [];
  for (const again of now) again();
}

const client: Sink = { start() {}, write: () => true, end() {}, fail() {} };

function startOwn(): void {
  const { hostname, host: authority } = url;
  const port = Number(url.port);
  const peer = new Peer('bench', 'bench', {
    scheme: 'http',
    hostname,
    port,
    path: null,
    authority,
  });
  const upstream = createHttp1Upstream(
    {
      upstream: 'bench',
      pipelining: Number(pipelining),
      connectionsMax: 1024,
      pendingMax: 1024,
      pendingTimeoutMs: 4000,
      keepAlive: { idleMs: 4000, requestsMax: 1e9, ageMs: 1e9 },
      timeouts: { connectMs: 4000, headMs: 60_000, bodyIdleMs: 60_000 },
      responseHeadBytesMax: 65_536,
      tls: { verify: true, ca: null, serverName: null },
      peers: [peer],
    },
    new Http1Pools(),
  );
  for (let at = 0; at < CONCURRENT; at++) {
    const again = () => {
      const head = { entry, method: 'GET', target: url.pathname, host: 'example.com' };
      const rest = { body: null, webSocket: null, remoteAddress: '127.0.0.1' };
      const headers = HEADERS.split(' ');
      upstream.send(new Exchange({ ...head, ...rest, headers }, client, 0), peer, attempt);
    };
    const attempt: Attempt = {
      onHead: () => client,
      onFailure: (error) => finish(again, error),
      onDone: (error) => finish(again, error),
    };
    again();
  }
}

function startUndici(): void {
  for (let at = 0; at < CONCURRENT; at++) {
    const connection = new Client(url.origin, { pipelining: 1 });
    const again = () => {
      const headers = [...HEADERS.split(' '), 'host', 'example.com'];
      connection.dispatch({ method: 'GET', path: url.pathname, headers }, handler);
    };
    const handler = {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd: () => finish(again, null),
      onResponseError: (_: unknown, error: Error) => finish(again, error),
    };
    again();
  }
}

if (variant === 'own') startOwn();
else startUndici();
setTimeout(() => {
  const before = { done, cpu: process.cpuUsage() };
  setTimeout(() => {
    const requests = done - before.done;
    const { user, system } = process.cpuUsage(before.cpu);
    const micros = (spent: number) => (spent / requests).toFixed(2);
    console.log(
      `${variant} pipelining ${pipelining}: ${micros(user + system)} µs per request ` +
        `(user ${micros(user)}, system ${micros(system)}), ${requests} requests, ${failed} failed`,
    );
    process.exit(failed > 0 ? 1 : 0);
  }, MEASURED_MS);
}, WARM_UP_MS);
