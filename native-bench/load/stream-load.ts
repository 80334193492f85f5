// A stream of long bodies over one connection, one after the other with a pause, for whoever wants gzip: what
// small requests have beside them. A program of its own: `node stream-load.ts ORDERS` (JSON); says how many
// bodies came.

import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export interface StreamOrders {
  readonly port: number;
  readonly path: string;
  readonly durationS: number;
}

/** A stream, not a flood: the processors must not be the limit. */
const PAUSE_MS = 20;

const orders = process.argv[2];
if (orders !== undefined) {
  process.stdout.write(`RESULT ${await stream(JSON.parse(orders) as StreamOrders)}\n`);
}

async function stream({ port, path, durationS }: StreamOrders): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const endsAtMs = performance.now() + durationS * 1000;
  let bodies = 0;
  while (performance.now() < endsAtMs) {
    await fetchBody(port, path, agent);
    bodies += 1;
    await delay(PAUSE_MS);
  }
  agent.destroy();
  return bodies;
}

function fetchBody(port: number, path: string, agent: Agent): Promise<void> {
  const headers = { 'accept-encoding': 'gzip' };
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
      if (response.headers['content-encoding'] !== 'gzip') {
        reject(new Error('the body is not compressed'));
      }
      response.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}
