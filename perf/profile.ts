// Reads V8's CPU profiles and folds them: how many samples each stack of functions has, within the spans
// of time that were measured. Idle time is left out, so that what remains is work.

import { readFileSync } from 'node:fs';
import type { Span } from './runtime.ts';

/** The part of a .cpuprofile that is used. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds from each sample to the one before. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** One function in one place of the call tree, with all below it. */
export interface Frame {
  readonly name: string;
  /** `src`, `package`, `node` or `engine`: whose code it is. */
  readonly kind: FrameKind;
  /** Microseconds in it and in what it called. */
  totalMicros: number;
  readonly children: Map<string, Frame>;
}

export type FrameKind = 'src' | 'package' | 'node' | 'engine';

const IDLE = '(idle)';

export function readProfile(file: URL): CpuProfile {
  return JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
}

/**
 * Folds a profile into a tree; stacks with the same names become one. `spans` are on the monotonic
 * clock, in microseconds; all samples count without them.
 */
export function foldProfile(profile: CpuProfile, spans: readonly Span[] | null = null): Frame {
  const stacks = stacksOf(profile.nodes);
  const root: Frame = { name: 'all', kind: 'engine', totalMicros: 0, children: new Map() };
  let atMicros = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const deltaMicros = profile.timeDeltas[index] ?? 0;
    atMicros += deltaMicros;
    const stack = stacks.get(id);
    if (stack === undefined || stack.at(-1)?.callFrame.functionName === IDLE) continue;
    if (spans !== null && !isWithin(spans, atMicros)) continue;
    add(root, stack, Math.max(0, deltaMicros));
  }
  return root;
}

/** Returns the functions by what they took themselves, the costliest first. */
export function selfTimes(root: Frame): { name: string; micros: number }[] {
  const times = new Map<string, number>();
  const visit = (frame: Frame): void => {
    const below = [...frame.children.values()];
    const own = frame.totalMicros - below.reduce((sum, each) => sum + each.totalMicros, 0);
    times.set(frame.name, (times.get(frame.name) ?? 0) + own);
    below.forEach(visit);
  };
  [...root.children.values()].forEach(visit);
  return [...times]
    .map(([name, micros]) => ({ name, micros }))
    .toSorted((a, b) => b.micros - a.micros);
}

function add(root: Frame, stack: readonly ProfileNode[], micros: number): void {
  let frame = root;
  frame.totalMicros += micros;
  for (const node of stack) {
    const name = nameOf(node);
    let child = frame.children.get(name);
    if (child === undefined) {
      child = { name, kind: kindOf(node), totalMicros: 0, children: new Map() };
      frame.children.set(name, child);
    }
    child.totalMicros += micros;
    frame = child;
  }
}

/** Returns the stack of every node, outermost first, without V8's own `(root)`. */
function stacksOf(nodes: readonly ProfileNode[]): Map<number, ProfileNode[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const stacks = new Map<number, ProfileNode[]>();
  const visit = (node: ProfileNode, above: readonly ProfileNode[]): void => {
    const stack = node.callFrame.functionName === '(root)' ? [] : [...above, node];
    stacks.set(node.id, stack);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) visit(child, stack);
    }
  };
  if (nodes[0] !== undefined) visit(nodes[0], []);
  return stacks;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const file = url.replace(/^.*\/(?=src\/|node_modules\/)/, '').replace(/^node_modules\//, '');
  return `${name} ${file}:${lineNumber + 1}`;
}

function kindOf({ callFrame: { url } }: ProfileNode): FrameKind {
  if (url === '') return 'engine';
  if (url.startsWith('node:')) return 'node';
  return url.includes('/node_modules/') ? 'package' : 'src';
}

function isWithin(spans: readonly Span[], atMicros: number): boolean {
  return spans.some((span) => atMicros >= span.fromMs * 1000 && atMicros < span.toMs * 1000);
}
