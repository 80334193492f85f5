// Starts the load generator that a scenario asks for, as a child on its core, and hears its progress.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { WebSocketOrders, WebSocketResult } from '../native-bench/load/web-socket-load.ts';
import type { ChurnOrders } from './load/churn-load.ts';
import type { EventOrders } from './load/event-load.ts';
import type { HttpOrders } from './load/http-load.ts';
import type { Http2Orders } from './load/http2-load.ts';
import type { LoadLine, LoadResult } from './load/load-result.ts';
import type { Load } from './scenario.ts';

export interface LoadPlace {
  readonly port: number;
  readonly core: number | null;
  readonly connections: number;
  readonly durationS: number;
  /** Requests per second in all, 0 for a closed loop; of HTTP alone. */
  readonly rate: number;
}

/** What a generator may take beyond its duration. */
const GRACE_S = 20;

/** Runs the load once; rejects when the generator fails or hangs. */
export function runLoad(
  load: Load,
  place: LoadPlace,
  progress: (line: string) => void,
): Promise<LoadResult> {
  const [script, orders] = programOf(load, place);
  const command = [process.execPath, fileURLToPath(script), JSON.stringify(orders)];
  const pinned = place.core === null ? command : ['taskset', '-c', `${place.core}`, ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(pinned[0] ?? '', pinned.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    const deadline = setTimeout(() => child.kill('SIGKILL'), (place.durationS + GRACE_S) * 1000);
    let result: LoadResult | null = null;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = readLine(text);
      if ('result' in line) result = line.result;
      else progress(`${line.progress.second}/${place.durationS} s  ${line.progress.perSecond}`);
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      if (result === null) reject(new Error('the load generator ended without a result'));
      else resolve(result);
    });
  });
}

function programOf(load: Load, place: LoadPlace): [script: URL, orders: object] {
  const { port, connections, durationS, rate } = place;
  switch (load.kind) {
    case 'http': {
      const orders: HttpOrders = {
        url: `${load.scheme}://127.0.0.1:${port}${load.path}`,
        method: load.method,
        headers: Object.fromEntries(load.headers.map(splitHeader)),
        ...{ bodyBytes: load.bodyBytes, isUnique: load.isUnique },
        ...{ connections, durationS, rate },
      };
      return [new URL('load/http-load.ts', import.meta.url), orders];
    }
    case 'http2': {
      const { path, streams } = load;
      const orders: Http2Orders = { port, path, connections, streams, durationS };
      return [new URL('load/http2-load.ts', import.meta.url), orders];
    }
    case 'churn': {
      const orders: ChurnOrders = { port, path: load.path, connections, durationS };
      return [new URL('load/churn-load.ts', import.meta.url), orders];
    }
    case 'event': {
      const orders: EventOrders = { port, path: load.path, connections, durationS };
      return [new URL('load/event-load.ts', import.meta.url), orders];
    }
    case 'web-socket': {
      const { path, messageBytes } = load;
      const orders: WebSocketOrders = { port, path, connections, durationS, messageBytes };
      return [new URL('../native-bench/load/web-socket-load.ts', import.meta.url), orders];
    }
  }
}

/** The WebSocket load is native-bench's, and says its result in native-bench's words. */
function readLine(text: string): LoadLine {
  if (!text.startsWith('RESULT ')) return JSON.parse(text) as LoadLine;
  const { report, histogram } = JSON.parse(text.slice('RESULT '.length)) as WebSocketResult;
  return {
    result: {
      work: report.requests,
      seconds: report.durationMicros / 1e6,
      bytes: report.bytes,
      errors: report.connectErrors + report.readErrors + report.writeErrors,
      timeouts: report.timeouts,
      non2xx: report.statusErrors,
      histogram,
    },
  };
}

function splitHeader(header: string): [string, string] {
  const at = header.indexOf(': ');
  return [header.slice(0, at), header.slice(at + 2)];
}
