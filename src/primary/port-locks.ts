// The exclusive locks that keep a second Sluice off our ports: SO_REUSEPORT alone would let it share
// them unseen. Whoever holds a lock tells anybody who connects to it who it is.
//
//   take:  bind our own name ──► look who else is on the port ──► bind-probe the port ──► ours
//            │ taken                │ conflicting address            │ another program
//            └──────────────────────┴────────────────────────────────┴──► give all back, say who
//
// Binding before looking makes the race of two starts safe: at least one of them sees the other.

import { connect, createServer, type Server } from 'node:net';
import type { LockNames } from './lock-names.ts';
import { isWildcard, type PortClaim, probePort } from './port-probe.ts';

const ANSWER_LIMIT_MS = 1000;
const ANSWER_BYTES_MAX = 8192;

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  /** Path of its configuration, or how it was started without one. */
  readonly config: string;
  /** ISO 8601 time of its start. */
  readonly since: string;
}

export interface PortLocksOptions {
  readonly owner: LockOwner;
  readonly names: LockNames;
  /** How long a port may stay in use by dying processes of a predecessor, in ms. */
  readonly patienceMs?: number;
}

/** The locks this process holds; all are given back by `close` or the end of the process. */
export class PortLocks {
  readonly #options: PortLocksOptions;
  readonly #held = new Map<string, Server>();

  constructor(options: PortLocksOptions) {
    this.#options = options;
  }

  /**
   * Takes the locks of all claims, or none of them; returns null, or one sentence that says who is in
   * the way. Rejects when the system refuses one.
   */
  async take(claims: readonly PortClaim[]): Promise<string | null> {
    const taken: string[] = [];
    let isDone = false;
    try {
      for (const claim of claims) {
        const problem = await this.#takeOne(claim, taken);
        if (problem !== null) return problem;
      }
      isDone = true;
      return null;
    } finally {
      if (!isDone) for (const key of taken) this.#release(key);
    }
  }

  /** Gives back every lock that is not among `claims`. */
  keepOnly(claims: readonly PortClaim[]): void {
    const wanted = new Set(claims.map(lockKey));
    for (const key of [...this.#held.keys()]) {
      if (!wanted.has(key)) this.#release(key);
    }
  }

  close(): void {
    this.keepOnly([]);
  }

  async #takeOne(claim: PortClaim, taken: string[]): Promise<string | null> {
    const key = lockKey(claim);
    if (this.#held.has(key)) return null;
    const server = await this.#bind(key);
    if (server === null) return this.#blame(claim, key);
    this.#held.set(key, server);
    taken.push(key);
    return this.#check(claim);
  }

  #release(key: string): void {
    this.#held.get(key)?.close();
    this.#held.delete(key);
  }

  /** Binds a lock; null when somebody alive has it. */
  async #bind(key: string): Promise<Server | null> {
    const path = this.#options.names.path(key);
    const first = await listen(path, this.#options.owner);
    if (first !== null) return first;
    if ((await askOwner(path)) !== 'nobody') return null;
    this.#options.names.removeStale(key);
    return listen(path, this.#options.owner);
  }

  async #check(claim: PortClaim): Promise<string | null> {
    for (const key of this.#options.names.held(claim.port)) {
      if (this.#held.has(key) || !conflicts(key, claim)) continue;
      if ((await askOwner(this.#options.names.path(key))) === 'nobody') continue;
      return this.#blame(claim, key);
    }
    // Our own listeners are bound by our workers: a sibling address of this process needs no probe.
    if (this.#sharesPort(claim)) return null;
    return probePort(claim, this.#options.patienceMs ?? 1000);
  }

  #sharesPort(claim: PortClaim): boolean {
    const own = lockKey(claim);
    return [...this.#held.keys()].some((key) => key !== own && conflicts(key, claim));
  }

  async #blame(claim: PortClaim, key: string): Promise<string> {
    const owner = await askOwner(this.#options.names.path(key));
    const what = `port ${claim.port}${claim.purpose}`;
    if (owner === 'nobody') return `${what} was being taken by another sluice just now`;
    if (owner === 'silent') return `${what} is already served by a sluice that does not answer`;
    const { pid, since, config } = owner;
    return `${what} is already served by sluice, pid ${pid}, started ${since}, config ${config}`;
  }
}

function lockKey(claim: PortClaim): string {
  return `${claim.port}/${isWildcard(claim.host) ? '*' : claim.host}`;
}

/** Both on one port: every address conflicts with any, a specific one with itself. */
function conflicts(key: string, claim: PortClaim): boolean {
  const host = key.slice(key.indexOf('/') + 1);
  return host === '*' || isWildcard(claim.host) || host === claim.host;
}

function listen(path: string, owner: LockOwner): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(`${JSON.stringify({ program: 'sluice', ...owner })}\n`);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(new Error(`cannot take the port lock: ${error.message}`));
    });
    server.listen({ path, exclusive: true }, () => resolve(server.unref()));
  });
}

/** Asks who holds the lock at `path`; `silent` when somebody does but won't say. */
function askOwner(path: string): Promise<LockOwner | 'silent' | 'nobody'> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ path });
    const timer = setTimeout(() => finish('silent'), ANSWER_LIMIT_MS);
    const finish = (result: LockOwner | 'silent' | 'nobody') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > ANSWER_BYTES_MAX) finish('silent');
    });
    socket.on('end', () => finish(parseOwner(text) ?? 'silent'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? 'nobody' : 'silent');
    });
  });
}

function parseOwner(text: string): LockOwner | null {
  try {
    const { pid, config, since } = JSON.parse(text) as Record<string, unknown>;
    const isWhole = Number.isSafeInteger(pid) && typeof config === 'string';
    return isWhole && typeof since === 'string' ? { pid: pid as number, config, since } : null;
  } catch {
    return null;
  }
}
