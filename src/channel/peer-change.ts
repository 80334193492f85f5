// A wish to change the peers of an upstream while Sluice runs, as the sidecar tells it to the primary, and
// what comes of it. Plain data and its validators; what a wish does is decided in src/primary.

import { isCount } from './value-checks.ts';

/** One peer, complete, as a configuration describes it. */
export interface PeerDescription {
  readonly url: string;
  readonly weight: number;
  readonly priority: number;
  readonly connectionsMax: number;
  readonly zone: string | null;
  readonly draining: boolean;
}

/** What changes about a peer; the rest stays. */
export type PeerDescriptionChange = Partial<Omit<PeerDescription, 'url'>>;

export type PeerChange =
  | { readonly kind: 'add'; readonly peer: PeerDescription }
  | { readonly kind: 'alter'; readonly url: string; readonly change: PeerDescriptionChange }
  | { readonly kind: 'remove'; readonly url: string }
  /** All peers that a source knows now, in place of those that it knew. */
  | {
      readonly kind: 'found';
      readonly source: 'dns' | 'file';
      readonly peers: readonly PeerDescription[];
    };

/** Why nothing was tried. `tag`: it is not the state that the asker knows; `invalid`: a configuration. */
export const refusalReasons = [
  'unknown-upstream',
  'unknown-peer',
  'peer-exists',
  'last-peer',
  'tag',
  'invalid',
  'stopping',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** What came of a wish. */
export type RequestOutcome =
  /** It holds in every worker; `isChanged` is false when it did before. */
  | { readonly kind: 'done'; readonly version: number; readonly isChanged: boolean }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly problems: readonly string[];
    }
  /** A worker could not take it on, or was lost meanwhile: what was before holds everywhere. */
  | {
      readonly kind: 'failed';
      readonly who: string;
      readonly isRefused: boolean;
      readonly problems: readonly string[];
    };

/** Tells whether `value` is a PeerChange. */
export function isPeerChange(value: unknown): value is PeerChange {
  if (!isObject(value)) return false;
  switch (value['kind']) {
    case 'add':
      return isDescription(value['peer']);
    case 'alter':
      return isText(value['url']) && isObject(value['change']) && isPartial(value['change']);
    case 'remove':
      return isText(value['url']);
    case 'found': {
      const { source, peers } = value;
      const isSource = source === 'dns' || source === 'file';
      return isSource && Array.isArray(peers) && peers.every(isDescription);
    }
    default:
      return false;
  }
}

/** Tells whether `value` is a RequestOutcome. */
export function isRequestOutcome(value: unknown): value is RequestOutcome {
  if (!isObject(value)) return false;
  const { kind, version, isChanged, reason, problems, who, isRefused } = value;
  if (kind === 'done') return isCount(version) && typeof isChanged === 'boolean';
  if (!Array.isArray(problems) || !problems.every(isText)) return false;
  if (kind === 'refused') return refusalReasons.some((known) => known === reason);
  return kind === 'failed' && isText(who) && typeof isRefused === 'boolean';
}

const shape: Readonly<Record<string, (value: unknown) => boolean>> = {
  url: isText,
  weight: isCount,
  priority: isCount,
  connectionsMax: isCount,
  zone: (value) => value === null || isText(value),
  draining: (value) => typeof value === 'boolean',
};

function isDescription(value: unknown): boolean {
  return isObject(value) && isPartial(value) && Object.keys(shape).every((key) => key in value);
}

function isPartial(value: Record<string, unknown>): boolean {
  return Object.entries(value).every(([key, inner]) => shape[key]?.(inner) === true);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
