// Time, events and children that a test holds in its hand, for everything in src/primary.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PrimaryToChild } from '../../../src/channel/control.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Config, ConfigInput } from '../../../src/config/schema.ts';
import type { EventFields, Events } from '../../../src/core/events.ts';
import type { ChildEvents, ChildRole, Fork } from '../../../src/primary/child.ts';
import { childName } from '../../../src/primary/child.ts';
import { Fleet } from '../../../src/primary/fleet.ts';
import { keeperLimits } from '../../../src/primary/keeper.ts';
import type { Timers } from '../../../src/std/timers.ts';

/** Time that stands still until `advance`. */
export class FakeTimers implements Timers {
  #nowMs = 0;
  #waiting: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#waiting.push(timer);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== timer);
    };
  }

  /** Lets time run, one timer after the other, with all promises settled between them. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    for (;;) {
      await nextTurn();
      const due = this.#waiting.filter((timer) => timer.atMs <= endMs);
      const next = due.sort((one, other) => one.atMs - other.atMs)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((timer) => timer !== next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = endMs;
    await nextTurn();
  }
}

export interface RecordedEvent {
  readonly level: keyof Events;
  readonly fields: EventFields;
  readonly message: string;
}

/** Events that a test can look at. */
export function recordEvents(): Events & { readonly list: RecordedEvent[] } {
  const list: RecordedEvent[] = [];
  const record = (level: keyof Events) => (fields: EventFields, message: string) => {
    list.push({ level, fields, message });
  };
  return {
    list,
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
  };
}

/** What a fake child does when it is told something; return true to keep it from doing the usual. */
export type Behaviour = (child: FakeChild, message: PrimaryToChild) => boolean;

/** Obeys after 1 ms, like a healthy child, unless its behaviour decides otherwise. */
export class FakeChild {
  readonly role: ChildRole;
  readonly name: string;
  readonly pid: number;
  readonly received: PrimaryToChild[] = [];
  isAlive = true;
  /** Stays alive on `drain` until `exit` is called. */
  isBusy = false;
  liveVersion = 0;
  readonly #events: ChildEvents;
  readonly #timers: Timers;
  #behaviour: Behaviour;

  constructor(role: ChildRole, pid: number, options: FakeChildOptions) {
    this.role = role;
    this.name = childName(role);
    this.pid = pid;
    this.#events = options.events;
    this.#timers = options.timers;
    this.#behaviour = options.behaviour;
    this.say({ type: 'started', pid });
  }

  send(message: PrimaryToChild): void {
    if (!this.isAlive) return;
    this.received.push(message);
    this.#timers.after(1, () => {
      if (this.isAlive && !this.#behaviour(this, message)) this.#obey(message);
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.exit(null, signal);
  }

  say(message: unknown): void {
    this.#timers.after(1, () => {
      if (this.isAlive) this.#events.onMessage(message);
    });
  }

  exit(code: number | null, signal: NodeJS.Signals | null = null): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#timers.after(1, () => this.#events.onExit(code, signal));
  }

  #obey(message: PrimaryToChild): void {
    switch (message.type) {
      case 'configure':
        this.say({ type: 'configured', version: message.version });
        return;
      case 'activate':
        this.say({ type: 'activated', version: message.version });
        if (this.liveVersion === 0) this.say({ type: 'ready', slot: null, ports: [] });
        this.liveVersion = message.version;
        return;
      case 'ping':
        this.say({ type: 'pong', id: message.id });
        return;
      case 'drain':
        if (this.isBusy) return;
        this.say({ type: 'drained' });
        this.#timers.after(2, () => this.exit(0));
        return;
      case 'discard':
        return;
    }
  }
}

interface FakeChildOptions {
  readonly events: ChildEvents;
  readonly timers: Timers;
  readonly behaviour: Behaviour;
}

/** A fleet with fake children; `children` lists all there ever were, in order of their start. */
export function createFakeFleet(config: Config, behaviour: Behaviour = () => false) {
  const timers = new FakeTimers();
  const events = recordEvents();
  const children: FakeChild[] = [];
  let refusals = 0;
  const fork: Fork = (role, _config, childEvents) => {
    if (refusals > 0) {
      refusals -= 1;
      throw new Error('spawn ENOMEM');
    }
    const options = { events: childEvents, timers, behaviour };
    const child = new FakeChild(role, 1000 + children.length, options);
    children.push(child);
    return child;
  };
  const limits = keeperLimits;
  const fleet = new Fleet({ fork, timers, events, config, limits, rolloutPhaseMs: 10_000 });
  const alive = (name?: string) => {
    return children.filter((child) => child.isAlive && (name === undefined || child.name === name));
  };
  /** The system refuses so many processes from now on. */
  const refuse = (count: number) => {
    refusals = count;
  };
  return { fleet, timers, events, children, alive, refuse };
}

/** A small complete configuration. */
export function testConfig(changes: Partial<ConfigInput> = {}): Config {
  return parseConfig({
    cores: 2,
    upstreams: { app: { peers: ['http://127.0.0.1:9001'] } },
    routes: [{ to: 'app' }],
    ...changes,
  });
}
