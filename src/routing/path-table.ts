// The routes of one host: a tree of path segments, walked from the left; beside it a list of expressions.
//
//   /            root ── images ── prefix → route      "/images/*"
//                  ├──── health ── exact  → route      "/health"
//                  └──── (any) ─── exact  → route      "/:page"

import { type Asked, pathEnd } from './asked.ts';
import { BoundedRegex } from './bounded-regex.ts';
import { addCandidate, type Candidate, chooseCandidate, type MethodTable } from './candidate.ts';
import type { Condition } from './conditions.ts';
import { isName, parsePathPattern } from './path-pattern.ts';

/** A route on its way into the table. */
export interface RouteEntry<Found> {
  readonly found: Found;
  readonly paths: readonly string[];
  readonly methods: readonly string[];
  readonly condition: Condition | null;
  readonly conditionCount: number;
}

interface Segment<Found> {
  readonly parent: Segment<Found> | null;
  exact: MethodTable<Found> | null;
  /** Matches this segment, a slash, and anything behind it. */
  prefix: MethodTable<Found> | null;
  children: Map<string, Segment<Found>> | null;
  /** Stands for any segment that is not empty. */
  any: Segment<Found> | null;
}

interface Expression<Found> {
  readonly pattern: string;
  readonly regex: BoundedRegex;
  readonly table: MethodTable<Found>;
}

export class PathTable<Found> {
  readonly #root: Segment<Found> = emptySegment(null);
  readonly #expressions: Expression<Found>[] = [];
  #hasNames = false;

  /** Adds a route; of two equal ones the first wins. No path means any path. */
  add(entry: RouteEntry<Found>): void {
    for (const path of entry.paths.length === 0 ? ['/*'] : entry.paths) {
      const { kind, segments, regex } = parsePathPattern(path);
      if (kind === 'regex') this.#addExpression(regex, entry);
      else this.#addSegments(kind, segments, entry);
    }
  }

  /**
   * Returns the candidate of the most specific path that takes the request, or null: the exact path, then
   * patterns with names, then expressions in the order in which each first came, then prefixes, the
   * longest first. Where a literal segment and a name both fit, the literal one goes first.
   */
  find(asked: Asked): Candidate<Found> | null {
    const end = pathEnd(asked.target);
    if (this.#hasNames) {
      const walk = new NamedWalk<Found>(asked, end);
      const exact = walk.exact(this.#root, 0);
      return exact ?? this.#findExpression(asked, end) ?? walk.prefix(this.#root, 0);
    }
    return this.#findPlain(asked, end);
  }

  /** The walk of a table without names: one step per segment, nothing tried twice. */
  #findPlain(asked: Asked, end: number): Candidate<Found> | null {
    const { target } = asked;
    let node: Segment<Found> | null = this.#root;
    let nearest: Segment<Found> | null = null;
    let start = 0;
    // Every turn stands at a slash that ends the segment of `node`.
    while (start < end) {
      if (node.prefix !== null) nearest = node;
      let slash = target.indexOf('/', start + 1);
      if (slash === -1 || slash > end) slash = end;
      node = node.children?.get(target.slice(start + 1, slash)) ?? null;
      if (node === null) break;
      start = slash;
    }
    if (node !== null && node.exact !== null) {
      const exact = chooseCandidate(node.exact, asked);
      if (exact !== null) return exact;
    }
    if (this.#expressions.length > 0) {
      const expression = this.#findExpression(asked, end);
      if (expression !== null) return expression;
    }
    for (; nearest !== null; nearest = nearest.parent) {
      if (nearest.prefix === null) continue;
      const prefix = chooseCandidate(nearest.prefix, asked);
      if (prefix !== null) return prefix;
    }
    return null;
  }

  #findExpression(asked: Asked, end: number): Candidate<Found> | null {
    if (this.#expressions.length === 0) return null;
    const path = asked.target.slice(0, end);
    for (const { regex, table } of this.#expressions) {
      if (!regex.test(path)) continue;
      const candidate = chooseCandidate(table, asked);
      if (candidate !== null) return candidate;
    }
    return null;
  }

  #addExpression(pattern: string, entry: RouteEntry<Found>): void {
    const known = this.#expressions.find((one) => one.pattern === pattern);
    const regex = known?.regex ?? new BoundedRegex(pattern);
    const names = regex.names.size === 0 ? null : regex.names;
    const candidate = candidateOf(entry, names, names === null ? null : regex);
    const table = addCandidate(known?.table ?? null, entry.methods, candidate);
    if (known === undefined) this.#expressions.push({ pattern, regex, table });
  }

  #addSegments(
    kind: 'exact' | 'prefix',
    segments: readonly string[],
    entry: RouteEntry<Found>,
  ): void {
    const names = new Map<string, number>();
    let node = this.#root;
    for (const [at, segment] of segments.entries()) {
      if (isName(segment)) {
        names.set(segment.slice(1), at);
        node.any ??= emptySegment(node);
        node = node.any;
      } else {
        node.children ??= new Map();
        let next = node.children.get(segment);
        if (next === undefined) {
          next = emptySegment(node);
          node.children.set(segment, next);
        }
        node = next;
      }
    }
    if (names.size > 0) this.#hasNames = true;
    const candidate = candidateOf(entry, names.size === 0 ? null : names, null);
    node[kind] = addCandidate(node[kind], entry.methods, candidate);
  }
}

function candidateOf<Found>(
  { found, condition, conditionCount }: RouteEntry<Found>,
  names: ReadonlyMap<string, number> | null,
  regex: BoundedRegex | null,
): Candidate<Found> {
  return { found, condition, conditionCount, names, regex, next: null };
}

function emptySegment<Found>(parent: Segment<Found> | null): Segment<Found> {
  return { parent, exact: null, prefix: null, children: null, any: null };
}

/** The walk of a table with names: no deeper than the longest pattern, whatever the path. */
class NamedWalk<Found> {
  readonly #asked: Asked;
  readonly #end: number;

  constructor(asked: Asked, end: number) {
    this.#asked = asked;
    this.#end = end;
  }

  exact(node: Segment<Found>, start: number): Candidate<Found> | null {
    if (start < this.#end) return this.#deeper(node, start, 'exact');
    return node.exact === null ? null : chooseCandidate(node.exact, this.#asked);
  }

  prefix(node: Segment<Found>, start: number): Candidate<Found> | null {
    if (start >= this.#end) return null;
    const deeper = this.#deeper(node, start, 'prefix');
    if (deeper !== null || node.prefix === null) return deeper;
    return chooseCandidate(node.prefix, this.#asked);
  }

  /** Looks below a node: first where the segment is named, then where any will do. */
  #deeper(node: Segment<Found>, start: number, kind: 'exact' | 'prefix'): Candidate<Found> | null {
    if (node.children === null && node.any === null) return null;
    const { target } = this.#asked;
    let slash = target.indexOf('/', start + 1);
    if (slash === -1 || slash > this.#end) slash = this.#end;
    const next = node.children?.get(target.slice(start + 1, slash));
    const literal = next === undefined ? null : this[kind](next, slash);
    if (literal !== null || node.any === null || slash === start + 1) return literal;
    return this[kind](node.any, slash);
  }
}
