// Says by name what differs between two configurations, for the event about a reload, and which of it
// running workers can't take on. Compares data only; nothing depends on it.

import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.ts';

/** Names per kind of change; empty lists are left out. */
export interface Difference {
  readonly added?: readonly string[];
  readonly removed?: readonly string[];
  readonly changed?: readonly string[];
}

/** What changed; parts without a change are left out. */
export interface Change {
  readonly listeners?: Difference;
  readonly upstreams?: Difference;
  readonly routes?: Difference;
  /** Changed settings, e.g. `limits.requestHeadBytes`. */
  readonly settings?: readonly string[];
}

/** Lists the differences by name. */
export function describeChange(before: Config, after: Config): Change {
  const listeners = difference(byName(before.listeners), byName(after.listeners));
  const upstreams = difference(before.upstreams, after.upstreams);
  const routes = difference(byName(before.routes), byName(after.routes));
  const settings = changedSettings(before, after);
  return {
    ...(listeners === null ? {} : { listeners }),
    ...(upstreams === null ? {} : { upstreams }),
    ...(routes === null ? {} : { routes }),
    ...(settings.length === 0 ? {} : { settings }),
  };
}

/** Settings of a change that only a newly forked worker can take on, because its engine reads them at load. */
export function needsRestart(change: Change): string[] {
  return (change.settings ?? []).filter((path) => path === 'limits.requestHeadBytes');
}

function changedSettings(before: Config, after: Config): string[] {
  const named = new Set(['listeners', 'upstreams', 'routes']);
  const paths: string[] = [];
  const compare = (old: unknown, now: unknown, path: string) => {
    if (isDeepStrictEqual(old, now)) return;
    if (!isMap(old) || !isMap(now)) {
      paths.push(path);
      return;
    }
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      if (path === '' && named.has(key)) continue;
      compare(old[key], now[key], path === '' ? key : `${path}.${key}`);
    }
  };
  compare(before, after, '');
  return paths;
}

function difference(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Difference | null {
  const added = Object.keys(after).filter((name) => !(name in before));
  const removed = Object.keys(before).filter((name) => !(name in after));
  const changed = Object.keys(after).filter((name) => {
    return name in before && !isDeepStrictEqual(before[name], after[name]);
  });
  if (added.length + removed.length + changed.length === 0) return null;
  return {
    ...(added.length === 0 ? {} : { added }),
    ...(removed.length === 0 ? {} : { removed }),
    ...(changed.length === 0 ? {} : { changed }),
  };
}

function byName(items: readonly { readonly name: string }[]): Record<string, unknown> {
  return Object.fromEntries(items.map((item) => [item.name, item]));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
