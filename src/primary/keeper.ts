// Keeps one child alive: starts it, brings it to the active configuration, notices when it dies or hangs,
// and starts it again with back-off. Knows one child only; what several must agree on is in rollout.
//
//             started, configured,
//    fork     activated, ready          exit
//   ─────► booting ─────────► serving ────────► waiting ──┐
//            │  ▲  └──── exit ─────────────────────▲      │ back-off over
//            │  └─────────────────────────────────────────┘
//            └─ drain, from any state ─► draining ─ exit ─► gone

import { type ChildToPrimary, parseChildMessage, type SidecarRequest } from '../channel/control.ts';
import type { RequestOutcome } from '../channel/peer-change.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { messageOf } from '../std/message-of.ts';
import type { Cancel, Timers } from '../std/timers.ts';
import { Backoff } from './backoff.ts';
import { type Child, type ChildRole, childName, type Fork } from './child.ts';

/** A configuration under the number that primary and children call it by. */
export interface Version {
  readonly version: number;
  readonly config: Config;
}

/** How patient a keeper is; all in ms but `pingsMissedMax`. */
export interface KeeperLimits {
  /** From the fork to `ready`. */
  readonly bootMs: number;
  readonly pingMs: number;
  /** A child that left so many pings in a row unanswered is killed; Infinity never. */
  readonly pingsMissedMax: number;
  /** What a child may need beyond its drain deadline before it is killed. */
  readonly drainGraceMs: number;
}

export const keeperLimits: KeeperLimits = {
  bootMs: 30_000,
  pingMs: 2000,
  pingsMissedMax: 5,
  drainGraceMs: 1000,
};

/** What all keepers of a primary share. */
export interface KeeperSurroundings {
  readonly fork: Fork;
  readonly timers: Timers;
  readonly events: Events;
  readonly limits: KeeperLimits;
  /** The version that every child must have live. */
  active(): Version;
}

/** What a keeper reports; `lost` means the process died or was given up, unless it was told to go. */
export interface KeeperReports {
  onServing(keeper: Keeper): void;
  onConfigured(keeper: Keeper, version: number): void;
  onRefused(keeper: Keeper, version: number, problems: readonly string[]): void;
  onActivated(keeper: Keeper, version: number): void;
  onLost(keeper: Keeper, why: string): void;
  /** The sidecar asks for something; `answer` does nothing once that process is dead. */
  onRequest(request: SidecarRequest, answer: (outcome: RequestOutcome) => void): void;
}

type State = 'booting' | 'serving' | 'waiting' | 'draining' | 'gone';

export class Keeper {
  readonly role: ChildRole;
  readonly name: string;
  readonly #surroundings: KeeperSurroundings;
  readonly #reports: KeeperReports;
  readonly #backoff = new Backoff();
  readonly #gone: (() => void)[] = [];
  #state: State = 'gone';
  #child: Child | null = null;
  #hasStarted = false;
  #bornAtMs = 0;
  /** The version that the process serves; 0 none yet. */
  #liveVersion = 0;
  #pingsMissed = 0;
  /** Why the child is being killed, for the event about its death. */
  #verdict: string | null = null;
  #cancelTimer: Cancel = () => {};
  #cancelPing: Cancel = () => {};

  constructor(role: ChildRole, surroundings: KeeperSurroundings, reports: KeeperReports) {
    this.role = role;
    this.name = childName(role);
    this.#surroundings = surroundings;
    this.#reports = reports;
  }

  get isServing(): boolean {
    return this.#state === 'serving';
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Starts the first process; only once. */
  start(): void {
    this.#boot();
  }

  /** Hands over a version to hold ready; comes back as onConfigured, onRefused or onLost. */
  stage(staged: Version): void {
    this.#child?.send({ type: 'configure', version: staged.version, config: staged.config });
  }

  activate(version: number): void {
    this.#child?.send({ type: 'activate', version });
  }

  /** What the child was catching up with may have given way to that version: it is handed over again. */
  discard(version: number): void {
    this.#child?.send({ type: 'discard', version });
    const active = this.#surroundings.active();
    if (this.#liveVersion < active.version) this.stage(active);
  }

  /** Kills the process; a new one follows unless it was draining. */
  kill(verdict: string): void {
    this.#verdict ??= verdict;
    this.#child?.kill('SIGKILL');
  }

  /** Lets the process finish within `deadlineMs`, then kills it; settles when it is gone for good. */
  drain(deadlineMs: number): Promise<void> {
    if (this.#state === 'gone') return Promise.resolve();
    const settled = new Promise<void>((resolve) => this.#gone.push(resolve));
    if (this.#state === 'draining') return settled;
    this.#cancelTimer();
    this.#state = 'draining';
    if (this.#child === null) this.#end();
    else if (!this.#hasStarted) this.kill('told to stop while it was starting');
    else this.#askToDrain(this.#child, deadlineMs);
    return settled;
  }

  /** Ends the process at once; nothing follows. */
  stop(): void {
    this.#cancelTimer();
    if (this.#state === 'gone') return;
    this.#state = 'draining';
    if (this.#child === null) this.#end();
    else this.kill('stopped');
  }

  #boot(): void {
    const { fork, timers, limits, active } = this.#surroundings;
    this.#state = 'booting';
    this.#hasStarted = false;
    this.#liveVersion = 0;
    this.#verdict = null;
    this.#pingsMissed = 0;
    this.#bornAtMs = timers.nowMs();
    this.#cancelTimer = timers.after(limits.bootMs, () => {
      this.kill(`not ready within ${limits.bootMs / 1000} s`);
    });
    try {
      this.#child = fork(this.role, active().config, {
        onMessage: (message) => this.#receive(message),
        onExit: (code, signal) => this.#bury(code, signal),
      });
    } catch (error) {
      this.#verdict = `could not be started: ${messageOf(error)}`;
      this.#bury(null, null);
    }
  }

  #receive(raw: unknown): void {
    const message = parseChildMessage(raw);
    if (message === null) {
      this.#surroundings.events.warn({ child: this.name }, 'child sent an unknown message');
    } else if (this.#state === 'draining') {
      if (message.type === 'pong') this.#pingsMissed = 0;
    } else {
      this.#obey(message);
    }
  }

  #obey(message: ChildToPrimary): void {
    const active = this.#surroundings.active();
    switch (message.type) {
      case 'started':
        this.#hasStarted = true;
        this.stage(active);
        this.#ping();
        return;
      case 'configured':
        // What was active when this child was told may be history: it catches up.
        if (message.version < active.version) this.stage(active);
        else if (message.version === active.version) this.activate(message.version);
        else this.#reports.onConfigured(this, message.version);
        return;
      case 'refused':
        this.#refuse(message.version, message.problems);
        return;
      case 'activated':
        this.#liveVersion = message.version;
        if (message.version < active.version) this.stage(active);
        else this.#reports.onActivated(this, message.version);
        return;
      case 'ready':
        this.#serve();
        return;
      case 'fatal':
        this.kill(message.message);
        return;
      case 'pong':
        this.#pingsMissed = 0;
        return;
      case 'change-peers':
      case 'reload':
        this.#request(message);
        return;
      case 'drained':
        return;
    }
  }

  #request(request: SidecarRequest): void {
    const child = this.#child;
    if (this.role.kind !== 'sidecar' || child === null) return;
    this.#reports.onRequest(request, (outcome) => {
      child.send({ type: 'answer', id: request.id, outcome });
    });
  }

  #refuse(version: number, problems: readonly string[]): void {
    if (version !== this.#surroundings.active().version) {
      this.#reports.onRefused(this, version, problems);
    } else {
      this.kill(`refused the configuration: ${problems.join('; ')}`);
    }
  }

  #serve(): void {
    if (this.#state !== 'booting') return;
    this.#cancelTimer();
    this.#state = 'serving';
    this.#reports.onServing(this);
  }

  #ping(): void {
    const { timers, limits } = this.#surroundings;
    let id = 0;
    // Counts unanswered pings instead of reading the clock: after a pause of the whole machine or of
    // the primary itself, children get their full time again.
    const tick = () => {
      if (this.#pingsMissed >= limits.pingsMissedMax) {
        return this.kill(`did not answer ${this.#pingsMissed} pings`);
      }
      this.#pingsMissed += 1;
      id += 1;
      this.#child?.send({ type: 'ping', id });
      this.#cancelPing = timers.after(limits.pingMs, tick);
    };
    tick();
  }

  #askToDrain(child: Child, deadlineMs: number): void {
    const { timers, limits } = this.#surroundings;
    child.send({ type: 'drain', deadlineMs });
    this.#cancelTimer = timers.after(deadlineMs + limits.drainGraceMs, () => {
      this.kill('still busy at the end of its drain time');
    });
  }

  #bury(code: number | null, signal: NodeJS.Signals | null): void {
    const { timers, events } = this.#surroundings;
    const fields = { child: this.name, childPid: this.pid, code, signal };
    const livedMs = Math.round(timers.nowMs() - this.#bornAtMs);
    this.#cancelTimer();
    this.#cancelPing();
    this.#child = null;
    const why = this.#verdict ?? describeEnd(code, signal);
    if (this.#state === 'draining') {
      if (this.#verdict === null) events.debug(fields, 'child is gone');
      else events.warn({ ...fields, why }, 'child was cut');
      this.#end();
      return;
    }
    this.#state = 'waiting';
    const restartInMs = this.#backoff.next(livedMs);
    events.error({ ...fields, why, livedMs, restartInMs }, 'child died');
    this.#cancelTimer = timers.after(restartInMs, () => this.#boot());
    this.#reports.onLost(this, why);
  }

  #end(): void {
    this.#state = 'gone';
    for (const settle of this.#gone.splice(0)) settle();
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `killed by ${signal}`;
  return code === null ? 'could not be started' : `exited with code ${code}`;
}
