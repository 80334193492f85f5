// What one `pick` costs, for every algorithm inside its tiers and 2, 100 and 1,000 peers: in nanoseconds,
// as the table that stands in docs/balancing.md. Run: node native-bench/micro/balance.ts
//
// One pick is measured with what goes with it in a worker: the picked peer's count goes up, that of one
// picked before goes down, the next exchange is another client's. The row `nothing` is that alone. A
// second table has the first pick after a verdict has changed, when candidates are computed anew.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measure } from 'mitata';
import type { Balancer } from '../../src/core/balancer.ts';
import { Exchange } from '../../src/core/exchange.ts';
import { Peer, type PeerConfig, PeerGroup } from '../../src/core/peer.ts';
import { type Algorithm, createBalancer } from '../../src/worker/balance/create-balancer.ts';

const PEER_COUNTS = [2, 100, 1000];

/** Clients that take turns; a power of two. */
const CLIENTS = 1024;

const rows: [name: string, algorithm: Algorithm | null, table: 'ring' | 'maglev'][] = [
  ['nothing', null, 'ring'],
  ['power-of-two', 'power-of-two', 'ring'],
  ['random', 'random', 'ring'],
  ['ewma', 'ewma', 'ring'],
  ['ip-hash, hash (ring)', 'hash', 'ring'],
  ['hash (maglev)', 'hash', 'maglev'],
  ['first', 'first', 'ring'],
  ['round-robin', 'round-robin', 'ring'],
  ['least-connections', 'least-connections', 'ring'],
];

const exchanges = Array.from({ length: CLIENTS }, (_, at) => {
  const head = {
    entry: { listener: 'http', scheme: 'http', port: 80 },
    method: 'GET',
    target: '/',
    host: 'example.com',
    headers: ['host', 'example.com'],
    remoteAddress: `10.0.${at >> 8}.${at & 255}`,
    body: null,
    webSocket: null,
  } as const;
  const client = { start() {}, write: () => true, end() {}, fail() {} };
  return new Exchange({ ...head, headers: [...head.headers] }, client, 0);
});

function makePeers(count: number): PeerConfig[] {
  const group = new PeerGroup('app');
  return Array.from({ length: count }, (_, at) => {
    const hostname = `10.1.${at >> 8}.${at & 255}`;
    const address = {
      scheme: 'http',
      hostname,
      port: 80,
      authority: hostname,
      path: null,
    } as const;
    const peer = new Peer(`app/http://${hostname}`, 'app', address, group);
    peer.latency.add(1 + (at % 7), performance.now());
    return { peer, weight: 1 + (at % 3), connectionsMax: 0, priority: 0, zone: null };
  });
}

/** Picks as a worker does, with four attempts in flight per peer. */
class Picking {
  readonly #balancer: Balancer;
  readonly #running: Peer[];
  #turn = 0;

  constructor(peers: readonly PeerConfig[], balancer: Balancer) {
    this.#balancer = balancer;
    this.#running = Array.from({ length: peers.length * 4 }, (_, at) => {
      return peers[at % peers.length]!.peer;
    });
    for (const peer of this.#running) {
      peer.inFlight += 1;
      peer.group.inFlight += 1;
    }
  }

  once(): Peer {
    const turn = this.#turn;
    this.#turn = turn + 1;
    const at = turn % this.#running.length;
    this.#running[at]!.inFlight -= 1;
    const peer = this.#balancer.pick(exchanges[turn & (CLIENTS - 1)]!)!;
    peer.inFlight += 1;
    this.#running[at] = peer;
    return peer;
  }
}

function makeBalancer(
  peers: readonly PeerConfig[],
  algorithm: Algorithm | null,
  table: 'ring' | 'maglev',
): Balancer {
  if (algorithm === null) return { pick: () => peers[0]!.peer };
  return createBalancer({
    algorithm,
    table,
    key: { by: 'address' },
    peers,
    zone: null,
    panicPercent: 50,
    turnsAhead: 0,
    random: Math.random,
    nowMs: () => performance.now(),
  });
}

async function pickNs(row: (typeof rows)[number], count: number): Promise<number> {
  const peers = makePeers(count);
  const picking = new Picking(peers, makeBalancer(peers, row[1], row[2]));
  // As hot as in a worker that has served for a while.
  for (let turn = 0; turn < 20_000; turn++) picking.once();
  return (await measure(() => picking.once(), { min_cpu_time: 3e8 })).p50;
}

async function changeNs(row: (typeof rows)[number], count: number): Promise<number> {
  const peers = makePeers(count);
  const picking = new Picking(peers, makeBalancer(peers, row[1], row[2]));
  const { peer } = peers.at(-1)!;
  const change = () => {
    peer.healthy = !peer.healthy;
    return picking.once();
  };
  for (let turn = 0; turn < 2000; turn++) change();
  return (await measure(change, { min_cpu_time: 1e8 })).p50;
}

const columns: Record<string, typeof pickNs> = {
  'one pick': pickNs,
  'first pick after a changed verdict': changeNs,
};

/** Every cell in a process of its own: what one leaves in the compiler's memory is no other's cost. */
function inOwnProcess(title: string, row: string, count: number): string {
  const args = [fileURLToPath(import.meta.url), title, row, String(count)];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim();
}

const [title, rowName, count] = process.argv.slice(2);
if (title !== undefined) {
  const row = rows.find(([name]) => name === rowName)!;
  console.log(Math.round(await columns[title]!(row, Number(count))));
} else {
  for (const title of Object.keys(columns)) {
    console.log(`| ${title} | ${PEER_COUNTS.map((peers) => `${peers} peers`).join(' | ')} |`);
    console.log(`|---|${PEER_COUNTS.map(() => '--:|').join('')}`);
    for (const [name] of rows) {
      const cells = PEER_COUNTS.map((peers) => `${inOwnProcess(title, name, peers)} ns`);
      console.log(`| ${name} | ${cells.join(' | ')} |`);
    }
    console.log();
  }
}
