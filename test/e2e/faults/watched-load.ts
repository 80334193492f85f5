// Steady load that tells apart how requests fail, and who answered. Bounded in number and in time: beyond
// either it ends, and whoever waits for more of it is told so.

import { setTimeout as delay } from 'node:timers/promises';
import { connectClient, type RawClient } from '../../support/client.ts';
import { type Cleanup, until } from '../../support/deadline.ts';

/**
 * `cut`: the connection ended before a response head, on a connection that had answered before;
 * `refused`: the same, or no connection at all, on one that had not; `half`: it ended in mid-body;
 * `silent`: nothing came; otherwise the status, or `wrong` for a strange body.
 */
export type FailureKind = 'cut' | 'refused' | 'half' | 'silent' | 'wrong' | `${number}`;

export interface FailedRequest {
  readonly kind: FailureKind;
  readonly peer: string | null;
  readonly detail: string;
}

const CONNECTIONS = 12;
const THINK_MS = 50;
const REQUESTS_MAX = 100_000;
const LIFE_MS = 180_000;
const ANSWER_MS = 30_000;

/** Starts idempotent requests over keep-alive connections; ends with `stop` or the test. */
export function startWatchedLoad(context: Cleanup, port: number): WatchedLoad {
  const load = new WatchedLoad(port);
  context.after(() => load.stop());
  return load;
}

export class WatchedLoad {
  readonly failures: FailedRequest[] = [];
  readonly connections = CONNECTIONS;
  readonly #port: number;
  readonly #endsAtMs = performance.now() + LIFE_MS;
  readonly #byPeer = new Map<string, number>();
  readonly #loops: Promise<void>[];
  #begun = 0;
  #good = 0;
  #isStopped = false;

  constructor(port: number) {
    this.#port = port;
    this.#loops = Array.from({ length: CONNECTIONS }, () => this.#loop());
  }

  /** Requests answered as expected. */
  get good(): number {
    return this.#good;
  }

  /** Good answers of one peer. */
  goodOf(peer: string): number {
    return this.#byPeer.get(peer) ?? 0;
  }

  /** Waits for `count` more good answers, of one peer or of any. */
  async more(count: number, peer?: string): Promise<void> {
    const now = () => (peer === undefined ? this.#good : this.goodOf(peer));
    const goal = now() + count;
    const who = peer === undefined ? '' : ` of ${peer}`;
    await until(() => now() >= goal, {
      what: `${count} more good answers${who}`,
      deadlineMs: 30_000,
      evidence: () => this.summary(),
    });
  }

  /** Waits until every request begun so far is over, then ends. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  /** Failures of every other kind than these. */
  except(...kinds: readonly FailureKind[]): readonly FailedRequest[] {
    return this.failures.filter(({ kind }) => !kinds.includes(kind));
  }

  count(kind: FailureKind): number {
    return this.failures.filter((failed) => failed.kind === kind).length;
  }

  /** One line for people. */
  summary(): string {
    const kinds = [...new Set(this.failures.map(({ kind }) => kind))];
    const failed = kinds.map((kind) => `${this.count(kind)} ${kind}`).join(', ');
    const peers = [...this.#byPeer].map(([peer, count]) => `${peer} ${count}`).join(', ');
    const all = `${this.#good + this.failures.length} requests`;
    const bad = `${this.failures.length} failed${failed === '' ? '' : ` (${failed})`}`;
    return `${all}, ${bad}; good by peer: ${peers}`;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#begun >= REQUESTS_MAX || performance.now() >= this.#endsAtMs;
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      let client: RawClient;
      try {
        client = await connectClient(this.#port);
      } catch (error) {
        this.failures.push({ kind: 'refused', peer: null, detail: String(error) });
        // A port that refuses does so at once.
        await delay(THINK_MS);
        continue;
      }
      await this.#use(client);
      client.close();
    }
  }

  async #use(client: RawClient): Promise<void> {
    for (let turn = 0; !this.#isOver; turn += 1) {
      // Closed while nobody asked anything, as is allowed.
      if (turn > 0 && (client.ended || client.closed)) return;
      this.#begun += 1;
      if (!(await this.#ask(client, turn))) return;
      await delay(Math.random() * THINK_MS);
    }
  }

  /** Returns whether the connection can be used again. */
  async #ask(client: RawClient, turn: number): Promise<boolean> {
    try {
      const response = await client.request({ deadlineMs: ANSWER_MS });
      const peer = response.header('x-peer') ?? null;
      const body = response.text();
      if (response.status !== 200 || body !== 'ok' || peer === null) {
        const kind = response.status === 200 ? 'wrong' : (`${response.status}` as const);
        this.failures.push({ kind, peer, detail: body });
      } else {
        this.#good += 1;
        this.#byPeer.set(peer, this.goodOf(peer) + 1);
      }
      return response.header('connection') !== 'close';
    } catch (error) {
      this.failures.push({ kind: kindOf(client, turn), peer: null, detail: String(error) });
      return false;
    }
  }
}

function kindOf(client: RawClient, turn: number): FailureKind {
  if (client.received.length > 0) return 'half';
  if (!client.ended && !client.closed) return 'silent';
  return turn === 0 ? 'refused' : 'cut';
}
