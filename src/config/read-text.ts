// Reads YAML and JSON, keeping the line and column of every key and value.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import { findJsonFlaw } from './json-scan.ts';
import type { Path } from './path.ts';
import { ConfigError, inOrder, type Place, type Problem, quote } from './problem.ts';

/** Plain data and where each part of it stands. */
export interface ParsedText {
  readonly value: unknown;
  place(path: Path, at: 'key' | 'value'): Place;
}

/** Parses `text`; `shown` names the file in places. Throws ConfigError with every syntax error. */
export function parseText(text: string, shown: string, syntax: 'yaml' | 'json'): ParsedText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    merge: true,
    prettyErrors: false,
    logLevel: 'error',
    lineCounter: lines,
  });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file: shown, line, column: col };
  };
  const problems = syntax === 'json' ? jsonProblems(text, placeAt) : [];
  if (problems.length === 0) {
    for (const error of [...document.errors, ...document.warnings]) {
      const message = `${syntax === 'json' ? 'JSON' : 'YAML'}: ${plain(error.message)}`;
      problems.push({ place: placeAt(error.pos[0]), path: '', message });
    }
    problems.push(...aliasProblems(document, placeAt));
  }
  if (problems.length > 0) throw new ConfigError(problems.sort(inOrder));
  return {
    value: toPlain(document, shown),
    place: (path, at) => placeAt(offsetOf(document, path, at)),
  };
}

function toPlain(document: Document, shown: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 });
  } catch (error) {
    const message = `YAML: ${plain((error as Error).message)}`;
    const place: Place = { kind: 'file', file: shown, line: null };
    throw new ConfigError([{ place, path: '', message }]);
  }
}

/** JSON is nearly a part of YAML: what YAML would let pass is refused here. */
function jsonProblems(text: string, placeAt: (offset: number) => Place): Problem[] {
  const flaw = findJsonFlaw(text);
  if (flaw === null) return [];
  const got = flaw.got === null ? 'the end of the file' : quote(flaw.got);
  const message = `JSON: expected ${flaw.expected}, got ${got}`;
  return [{ place: placeAt(flaw.offset), path: '', message }];
}

/** '*.example.com' without quotes is an alias to YAML: the most likely slip of all, so it is explained. */
function aliasProblems(document: Document, placeAt: (offset: number) => Place): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Alias(_, alias: Alias) {
      if (alias.resolve(document) !== undefined) return;
      problems.push({
        place: placeAt(alias.range?.[0] ?? 0),
        path: '',
        message: `YAML: a text that begins with '*' must stand in quotes, or '&${alias.source}' is missing before it`,
        suggestion: `*${alias.source}`,
      });
    },
  });
  return problems;
}

/** Returns the offset of `path`, or of the nearest thing that encloses it. */
function offsetOf(document: Document, path: Path, at: 'key' | 'value'): number {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    const resolved = isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
    let child: Node | null | undefined;
    let key: Node | null = null;
    if (isSeq(resolved)) child = resolved.items[Number(step)] as Node | undefined;
    else if (isMap(resolved)) {
      const pair = pairOf(document, resolved.items as NodePair[], String(step));
      key = pair?.key ?? null;
      child = pair === null ? undefined : pair.value;
    }
    if (child === undefined && key === null) return offset;
    const wantsKey = at === 'key' && index === path.length - 1;
    const start = wantsKey || child == null ? (key ?? child)?.range?.[0] : child.range?.[0];
    offset = start ?? offset;
    node = child ?? null;
  }
  return offset;
}

type NodePair = Pair<Node, Node | null>;

/** Finds the pair of `name`, also where it comes from a merge ('<<'). */
function pairOf(document: Document, pairs: NodePair[], name: string): NodePair | null {
  for (const pair of pairs) if (isScalar(pair.key) && String(pair.key.value) === name) return pair;
  for (const pair of pairs) {
    if (!isScalar(pair.key) || String(pair.key.source ?? pair.key.value) !== '<<') continue;
    for (const source of isSeq(pair.value) ? pair.value.items : [pair.value]) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      if (!isMap(merged)) continue;
      const found = pairOf(document, merged.items as NodePair[], name);
      if (found !== null) return found;
    }
  }
  return null;
}

/** One line, lower-case first letter, no full stop: fits behind a path. */
function plain(message: string): string {
  const line = message.split('\n')[0]!.replace(/[.:\s]+$/, '');
  return /^[A-Z][a-z]/.test(line) ? line[0]!.toLowerCase() + line.slice(1) : line;
}
