// Whether the cost of a request stays the same when there is more of what it does not use: routes, peers.

import { startOrigin } from '../../native-bench/harness/origin.ts';
import { type PerfScenario, smallGet } from '../scenario.ts';

const ROUTE_COUNTS = [10, 1000, 10_000];
const PEER_COUNTS = [2, 1000];

/** Half of the routes lie on hosts, half on paths; the request takes the last of them. */
function routes(count: number): PerfScenario {
  return {
    name: `routes-${count}`,
    title: `GET 1 KiB, one of ${count.toLocaleString('en')} routes`,
    unit: 'request',
    connections: 64,
    load: smallGet,
    prepare: async (stage) => {
      const origin = await startOrigin(stage.workbench, stage.core);
      const others = Array.from({ length: count - 1 }, (_, at) => ({
        match: at % 2 === 0 ? { host: `host-${at}.example.com` } : { path: `/area-${at}/*` },
        to: 'app',
      }));
      return {
        upstreams: { app: { peers: [`http://127.0.0.1:${origin.port}`] } },
        routes: [...others, { match: { path: '/small' }, to: 'app' }],
      };
    },
  };
}

/** All peers are the one origin, by addresses of the loopback network, so that only their number differs. */
function peers(count: number): PerfScenario {
  return {
    name: `peers-${count}`,
    title: `GET 1 KiB, ${count.toLocaleString('en')} peers`,
    unit: 'request',
    connections: 64,
    load: smallGet,
    prepare: async (stage) => {
      const hosts = Array.from({ length: count }, (_, at) => `127.1.${at >> 6}.${(at & 63) + 1}`);
      const origin = await startOrigin(stage.workbench, stage.core, hosts);
      const urls = hosts.map((host) => `http://${host}:${origin.port}`);
      return { upstreams: { app: { peers: urls } }, routes: [{ to: 'app' }] };
    },
  };
}

export const growthScenarios: readonly PerfScenario[] = [
  ...ROUTE_COUNTS.map(routes),
  ...PEER_COUNTS.map(peers),
];
