// A steady stream of small requests over several connections, for tests that disturb the proxy meanwhile.
// Every request is awaited and its answer compared: a missing or wrong answer is a failure with a reason.

import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../src/std/message-of.ts';
import { connectClient, type RawClient } from './client.ts';
import { type Cleanup, until } from './deadline.ts';

export interface LoadOptions {
  readonly context: Cleanup;
  readonly connections?: number;
  /** Requests per connection before a new one is opened; 1 tests connecting above all. */
  readonly requestsPerConnection?: number;
  /** Longest time that a connection is idle between two requests, in ms; 0 by default. */
  readonly thinkMs?: number;
  readonly isExpected?: (body: string) => boolean;
}

export interface SteadyLoad {
  /** Requests answered as expected. */
  readonly done: number;
  /** What went wrong, one sentence per request. */
  readonly failures: readonly string[];
  /** Waits until every connection has been used anew: what was on its way is over. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the load; it ends with `stop` or the test. */
export function startLoad(port: number, options: LoadOptions): SteadyLoad {
  const failures: string[] = [];
  let done = 0;
  let isStopped = false;
  const isExpected = options.isExpected ?? ((body: string) => body === 'ok');
  const connections = options.connections ?? 8;
  /** Requests of each loop, those that failed included. */
  const begun = Array.from({ length: connections }, () => 0);
  const over = Array.from({ length: connections }, () => 0);
  const useConnection = async (client: RawClient, at: number) => {
    for (let turn = 0; turn < (options.requestsPerConnection ?? 50) && !isStopped; turn += 1) {
      begun[at]! += 1;
      const response = await client.request().finally(() => {
        over[at]! += 1;
      });
      if (response.status !== 200 || !isExpected(response.text())) {
        throw new Error(`got ${response.status} ${response.text().slice(0, 100)}`);
      }
      done += 1;
      if (response.header('connection') === 'close') return;
      if (options.thinkMs !== undefined) await delay(Math.random() * options.thinkMs);
    }
  };
  const loop = async (at: number) => {
    while (!isStopped) {
      let client: RawClient | null = null;
      try {
        client = await connectClient(port);
        await useConnection(client, at);
      } catch (error) {
        failures.push(messageOf(error));
      } finally {
        client?.close();
      }
    }
  };
  const loops = begun.map((_, at) => loop(at));
  const stop = async () => {
    isStopped = true;
    await Promise.all(loops);
  };
  options.context.after(stop);
  return {
    get done() {
      return done;
    },
    failures,
    round() {
      const goals = begun.map((count) => count + 1);
      return until(() => goals.every((goal, at) => over[at]! >= goal), {
        what: 'every connection is used anew',
        evidence: () => failures.slice(0, 20).join('\n'),
      });
    },
    stop,
  };
}
