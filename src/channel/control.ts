// What the primary and its children (workers and the sidecar) say to each other over the built-in IPC
// channel: two closed unions and their validators. The channel orders and frames; nothing here does I/O.
//
//   child          primary                 A reload is two-phase: `configure` stages a version in every
//     │── started ──►│                     child; when all have answered `configured`, `activate` makes it
//     │◄─ configure ─│  stage              live everywhere; one `refused` (or a time-out) and all get
//     │── configured►│  (or refused)       `discard`. A child started in the middle of a reload gets the
//     │◄─ activate ──│                     active version, then the staged one, like the others.
//     │── activated ►│
//     │── ready ────►│  listens (first activation only)
//     │◄─ drain ─────│
//     │── drained ──►│  and exits 0
//
// The sidecar may ask for something: `change-peers` or `reload`, each answered by `answer` with its id.

import {
  isPeerChange,
  isRequestOutcome,
  type PeerChange,
  type RequestOutcome,
} from './peer-change.ts';
import { isCount } from './value-checks.ts';

/** A listener that is bound: the port tells the truth when the configuration said 0. */
export interface BoundListener {
  readonly name: string;
  readonly port: number;
}

/** `Config` is the effective configuration as plain data (src/config), opaque to the channel. */
export type PrimaryToChild<Config = unknown> =
  /** Compile this configuration and hold it ready; answer `configured` or `refused`. */
  | { readonly type: 'configure'; readonly version: number; readonly config: Config }
  /** Make the staged version live; answer `activated`. */
  | { readonly type: 'activate'; readonly version: number }
  /** Forget the staged version; no answer. */
  | { readonly type: 'discard'; readonly version: number }
  /** Take no new work, finish what runs, answer `drained` and exit; cut what is left after `deadlineMs`. */
  | { readonly type: 'drain'; readonly deadlineMs: number }
  /** Are you alive? Answer `pong` with the same id. */
  | { readonly type: 'ping'; readonly id: number }
  /** What came of the request with that id. */
  | { readonly type: 'answer'; readonly id: number; readonly outcome: RequestOutcome };

/** What the sidecar asks of the primary. */
export type SidecarRequest =
  /** Change the peers of an upstream in every worker; with a tag only while it is that of its peers. */
  | {
      readonly type: 'change-peers';
      readonly id: number;
      readonly upstream: string;
      readonly change: PeerChange;
      /** An If-Match field, or null for whatever the state is. */
      readonly ifMatch: string | null;
    }
  /** Read the configuration again. */
  | { readonly type: 'reload'; readonly id: number };

export type ChildToPrimary =
  /** The child listens to its IPC channel; sent once, before anything else. */
  | { readonly type: 'started'; readonly pid: number }
  | { readonly type: 'configured'; readonly version: number }
  /** The version cannot be run here; what was active stays active. */
  | { readonly type: 'refused'; readonly version: number; readonly problems: readonly string[] }
  | { readonly type: 'activated'; readonly version: number }
  /** First activation done and every listener bound; `slot` is null in the sidecar. */
  | {
      readonly type: 'ready';
      readonly slot: number | null;
      readonly ports: readonly BoundListener[];
    }
  | { readonly type: 'drained' }
  /** The child cannot go on and exits at once. */
  | { readonly type: 'fatal'; readonly message: string }
  | { readonly type: 'pong'; readonly id: number }
  | SidecarRequest;

/** Returns `value` as a message from the primary, or null when it has another shape. */
export function parsePrimaryMessage(value: unknown): PrimaryToChild | null {
  if (!isObject(value)) return null;
  switch (value['type']) {
    case 'configure':
      return isCount(value['version']) && 'config' in value ? (value as PrimaryToChild) : null;
    case 'activate':
    case 'discard':
      return isCount(value['version']) ? (value as PrimaryToChild) : null;
    case 'drain':
      return isCount(value['deadlineMs']) ? (value as PrimaryToChild) : null;
    case 'ping':
      return isCount(value['id']) ? (value as PrimaryToChild) : null;
    case 'answer':
      return isCount(value['id']) && isRequestOutcome(value['outcome'])
        ? (value as PrimaryToChild)
        : null;
    default:
      return null;
  }
}

/** Returns `value` as a message from a child, or null when it has another shape. */
export function parseChildMessage(value: unknown): ChildToPrimary | null {
  if (!isObject(value)) return null;
  return isChildMessage(value) ? (value as ChildToPrimary) : null;
}

function isChildMessage(value: Record<string, unknown>): boolean {
  switch (value['type']) {
    case 'started':
      return isCount(value['pid']);
    case 'configured':
    case 'activated':
      return isCount(value['version']);
    case 'refused':
      return isCount(value['version']) && isListOf(value['problems'], (item) => isText(item));
    case 'ready':
      return (
        (value['slot'] === null || isCount(value['slot'])) && isListOf(value['ports'], isBound)
      );
    case 'drained':
      return true;
    case 'fatal':
      return isText(value['message']);
    case 'pong':
    case 'reload':
      return isCount(value['id']);
    case 'change-peers': {
      const { id, upstream, change, ifMatch } = value;
      const isWhole = isCount(id) && isText(upstream) && isPeerChange(change);
      return isWhole && (ifMatch === null || isText(ifMatch));
    }
    default:
      return false;
  }
}

function isBound(value: unknown): boolean {
  return isObject(value) && isText(value['name']) && isCount(value['port']);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
