// The load of the overload study as a process of its own: so many requests a second, whatever the answers
// do, or (rate 0) as many as a few connections can have answered one after the other. Orders as JSON in the
// first argument.

import { Agent, get } from 'node:http';
import { quantile } from '../../native-bench/harness/statistics.ts';

export interface OverloadOrders {
  readonly port: number;
  readonly path: string;
  /** Requests per second; 0 for as fast as it goes. */
  readonly rate: number;
  /** Seconds that are not looked at, and seconds that are. */
  readonly warmS: number;
  readonly durationS: number;
}

export interface OverloadResult {
  /** Requests that were due while it was looked at. */
  readonly due: number;
  /** Answered with 200 within a second. */
  readonly good: number;
  readonly refused: number;
  /** Answered with 200, but too late. */
  readonly late: number;
  readonly failed: number;
  /** Of answers with 200, from when the request was due. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly seconds: number;
}

const GOOD_MS = 1000;
const CLOSED_CONNECTIONS = 48;
const OPEN_CONNECTIONS = 4000;
const STEP_MS = 2;
/** Whoever waits longer has given up. */
const PATIENCE_MS = 10_000;

class Load {
  readonly #orders: OverloadOrders;
  readonly #agent: Agent;
  readonly #beganAtMs = performance.now();
  readonly #accepted: number[] = [];
  #due = 0;
  #refused = 0;
  #failed = 0;
  #running = 0;

  constructor(orders: OverloadOrders) {
    this.#orders = orders;
    const maxSockets = orders.rate === 0 ? CLOSED_CONNECTIONS : OPEN_CONNECTIONS;
    this.#agent = new Agent({ keepAlive: true, maxSockets });
  }

  async run(): Promise<OverloadResult> {
    const { rate, warmS, durationS } = this.#orders;
    const endsAtMs = this.#beganAtMs + (warmS + durationS) * 1000;
    await new Promise<void>((resolve) => {
      let dueAtMs = performance.now();
      if (rate === 0) {
        const again = () => {
          if (performance.now() < endsAtMs) this.#send(performance.now(), again);
        };
        for (let at = 0; at < CLOSED_CONNECTIONS; at++) again();
      }
      const clock = setInterval(() => {
        const nowMs = performance.now();
        for (; rate > 0 && dueAtMs <= Math.min(nowMs, endsAtMs); dueAtMs += 1000 / rate) {
          this.#send(dueAtMs, () => {});
        }
        const isOver = this.#running === 0 || nowMs > endsAtMs + PATIENCE_MS;
        if (nowMs < endsAtMs || !isOver) return;
        clearInterval(clock);
        resolve();
      }, STEP_MS);
    });
    const good = this.#accepted.filter((ms) => ms <= GOOD_MS).length;
    return {
      ...{ due: this.#due, good, refused: this.#refused, failed: this.#failed },
      late: this.#accepted.length - good,
      p50Ms: quantile(this.#accepted, 0.5),
      p99Ms: quantile(this.#accepted, 0.99),
      seconds: durationS,
    };
  }

  #send(dueMs: number, done: () => void): void {
    const { port, path, warmS, durationS } = this.#orders;
    const atS = (dueMs - this.#beganAtMs) / 1000;
    const counts = atS >= warmS && atS < warmS + durationS;
    if (counts) this.#due += 1;
    this.#running += 1;
    const over = (status: number) => {
      this.#running -= 1;
      if (counts && status === 200) this.#accepted.push(performance.now() - dueMs);
      else if (counts && status === 503) this.#refused += 1;
      else if (counts) this.#failed += 1;
      done();
    };
    const options = { agent: this.#agent, host: '127.0.0.1', port, path };
    get(options, (response) => {
      response.resume().once('end', () => over(response.statusCode ?? 0));
    }).once('error', () => over(0));
  }
}

const orders = process.argv[2];
if (orders !== undefined) {
  const result = await new Load(JSON.parse(orders) as OverloadOrders).run();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
}
