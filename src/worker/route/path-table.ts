// The routes of one host: a tree of path segments, walked once from the left.
//
//   /            root ── images ── prefix → plan      "/images/*"
//                  └──── health ── exact  → plan      "/health"

import type { Plan } from '../../core/plan.ts';

/** Plans by method; `any` serves the methods that are not named. */
interface MethodTable {
  any: Plan | null;
  named: Map<string, Plan> | null;
}

interface Segment {
  exact: MethodTable | null;
  /** Matches this segment, a slash, and anything behind it. */
  prefix: MethodTable | null;
  children: Map<string, Segment> | null;
}

export class PathTable {
  readonly #root: Segment = emptySegment();

  /** Adds a route; the first of two equal ones wins. No path means any path. */
  add(paths: readonly string[], methods: readonly string[], plan: Plan): void {
    for (const path of paths.length === 0 ? ['/*'] : paths) {
      const isPrefix = path.endsWith('/*');
      const segment = this.#grow(isPrefix ? path.slice(0, -2) : path);
      if (isPrefix) segment.prefix = addMethods(segment.prefix, methods, plan);
      else segment.exact = addMethods(segment.exact, methods, plan);
    }
  }

  /** Returns the plan of the most specific path that allows the method, or null. */
  find(target: string, method: string): Plan | null {
    const query = target.indexOf('?');
    const end = query === -1 ? target.length : query;
    let best: Plan | null = null;
    let node = this.#root;
    let start = 0;
    // Every turn stands at a slash that ends the segment of `node`.
    while (start < end) {
      if (node.prefix !== null) best = planFor(node.prefix, method) ?? best;
      if (node.children === null) return best;
      let slash = target.indexOf('/', start + 1);
      if (slash === -1 || slash > end) slash = end;
      const next = node.children.get(target.slice(start + 1, slash));
      if (next === undefined) return best;
      node = next;
      start = slash;
    }
    return (node.exact === null ? null : planFor(node.exact, method)) ?? best;
  }

  #grow(path: string): Segment {
    let node = this.#root;
    if (path === '') return node;
    for (const name of path.slice(1).split('/')) {
      node.children ??= new Map();
      let next = node.children.get(name);
      if (next === undefined) {
        next = emptySegment();
        node.children.set(name, next);
      }
      node = next;
    }
    return node;
  }
}

function emptySegment(): Segment {
  return { exact: null, prefix: null, children: null };
}

function addMethods(
  table: MethodTable | null,
  methods: readonly string[],
  plan: Plan,
): MethodTable {
  const result = table ?? { any: null, named: null };
  if (methods.length === 0) result.any ??= plan;
  for (const method of methods) {
    result.named ??= new Map();
    if (!result.named.has(method)) result.named.set(method, plan);
  }
  return result;
}

function planFor(table: MethodTable, method: string): Plan | null {
  if (table.named !== null) {
    const plan = table.named.get(method);
    if (plan !== undefined) return plan;
  }
  return table.any;
}
