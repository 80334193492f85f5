// A forked child as the primary sees it: something to send to and to kill. Not its supervision (keeper).

import type { PrimaryToChild } from '../channel/control.ts';
import type { Config } from '../config/schema.ts';

/** What a child is for; workers have stable slots 0…N-1, a replacement gets the slot of the dead one. */
export type ChildRole =
  | { readonly kind: 'worker'; readonly slot: number }
  | { readonly kind: 'sidecar' };

/** Calls after the child's death do nothing; none of them throws. */
export interface Child {
  readonly pid: number | null;
  send(message: PrimaryToChild<Config>): void;
  kill(signal: NodeJS.Signals): void;
}

/** What a child reports. `onExit` comes exactly once and last, after every message that was on its way. */
export interface ChildEvents {
  onMessage(message: unknown): void;
  onExit(code: number | null, signal: NodeJS.Signals | null): void;
}

/**
 * Starts a child process of that role; `config` is the version it will be given first. Throws when the system
 * refuses it, e.g. for want of memory.
 */
export type Fork = (role: ChildRole, config: Config, events: ChildEvents) => Child;

/** Name of a child in events and process titles: `worker 3`, `sidecar`. */
export function childName(role: ChildRole): string {
  return role.kind === 'worker' ? `worker ${role.slot}` : 'sidecar';
}
