// The counts in Redis, charged by one script that runs there as a whole.

import { createHash } from 'node:crypto';
import { lazyPackage } from '../../../std/lazy.ts';
import { messageOf } from '../../../std/message-of.ts';

/** The generic cell rate algorithm over all windows of a request: all are asked, then all are charged. */
const SCRIPT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local wait = 0
local arrivals = {}
for i, key in ipairs(KEYS) do
  local interval, tolerance, delay = ARGV[3*i-2] + 0, ARGV[3*i-1] + 0, ARGV[3*i] + 0
  local arrival = math.max(tonumber(redis.call('GET', key) or '0'), now) + interval
  local over = arrival - now - tolerance
  if over > delay then return {i, tostring(over)} end
  if over > wait then wait = over end
  arrivals[i] = arrival
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.3f', arrivals[i]), 'PX', math.ceil(arrivals[i] - now) + 1)
end
return {0, tostring(wait)}
`;

const SHA = createHash('sha1').update(SCRIPT).digest('hex');
const loadRedis = lazyPackage<typeof import('@redis/client')>('@redis/client');

const RECONNECT_MS_MAX = 1000;

export interface RedisScriptOptions {
  /** `redis://[user:password@]host[:port][/db]` or `rediss://…`. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly onProblem: (detail: string) => void;
  readonly onUp: () => void;
}

/** What is used of the client. */
interface Client {
  evalSha(sha: string, asked: Asked): Promise<unknown>;
  eval(script: string, asked: Asked): Promise<unknown>;
  destroy(): void;
}

interface Asked {
  readonly keys: string[];
  readonly arguments: string[];
}

/** A connection to Redis that is kept up; never throws. */
export class RedisScript {
  readonly #options: RedisScriptOptions;
  #client: Client | null = null;
  #isUp = false;
  #isClosed = false;
  #complained = false;

  constructor(options: RedisScriptOptions) {
    this.#options = options;
    void this.#open();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Returns the number (from 1) of the window that refuses, or 0, and the wait in ms; null when Redis did
   * not answer in time.
   */
  async run(
    keys: string[],
    numbers: readonly number[],
  ): Promise<[index: number, ms: number] | null> {
    const asked = { keys, arguments: numbers.map(String) };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), this.#options.timeoutMs);
    });
    try {
      const answer = await Promise.race([this.#evaluate(asked), late]);
      if (answer === null) this.#complain('no answer in time');
      return answer;
    } catch (error) {
      this.#complain(messageOf(error));
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#client?.destroy();
  }

  async #evaluate(asked: Asked): Promise<[number, number]> {
    const client = this.#client!;
    let answer: unknown;
    try {
      answer = await client.evalSha(SHA, asked);
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error;
      answer = await client.eval(SCRIPT, asked);
    }
    const [index, waitMs] = answer as [number, string];
    return [index, Number(waitMs)];
  }

  async #open(): Promise<void> {
    const { createClient } = loadRedis();
    const { url, timeoutMs, onUp } = this.#options;
    const client = createClient({
      url,
      // Nothing waits for a server that is away.
      disableOfflineQueue: true,
      socket: {
        connectTimeout: Math.max(timeoutMs, 1000),
        reconnectStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 10), RECONNECT_MS_MAX),
      },
    });
    client.on('ready', () => {
      this.#isUp = true;
      this.#complained = false;
      onUp();
    });
    client.on('error', (error: Error) => {
      this.#isUp = false;
      this.#complain(error.message);
    });
    client.on('reconnecting', () => {
      this.#isUp = false;
    });
    this.#client = client;
    // What goes wrong is told by the event; the client goes on trying.
    await client.connect().catch(() => {});
  }

  /** Once until it is up again. */
  #complain(detail: string): void {
    if (this.#complained || this.#isClosed) return;
    this.#complained = true;
    this.#options.onProblem(detail);
  }
}
