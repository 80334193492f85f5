// Turns whatever a configuration module exports into plain data: maps, lists, strings, numbers, booleans
// and null. Everything else is named with its path, never dropped in silence.

import { formatPath, type Path } from './path.ts';

/** Deepest nesting of a configuration. */
const depthMax = 32;

export interface PlainData {
  readonly value: unknown;
  readonly problems: { path: string; message: string }[];
}

/** Copies `exported` into plain data. Keys whose value is undefined are left out. */
export function toPlainData(exported: unknown): PlainData {
  const problems: PlainData['problems'] = [];
  const open = new Set<object>();
  const refuse = (path: Path, message: string) => {
    problems.push({ path: formatPath(path), message });
    return null;
  };

  function copy(value: unknown, path: Path): unknown {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (typeof value !== 'object' || !(Array.isArray(value) || isPlainObject(value))) {
      return refuse(path, `expected plain data, got ${describeLoose(value)}`);
    }
    if (open.has(value))
      return refuse(path, 'expected plain data, got a value that contains itself');
    if (path.length >= depthMax)
      return refuse(path, `expected at most ${depthMax} levels, got more`);
    open.add(value);
    const result = Array.isArray(value) ? copyList(value, path) : copyMap(value, path);
    open.delete(value);
    return result;
  }

  function copyList(list: unknown[], path: Path): unknown[] {
    return Array.from(list, (item, index) => copy(item, [...path, index]));
  }

  function copyMap(map: object, path: Path): object {
    const entries: [string, unknown][] = [];
    for (const [key, value] of Object.entries(map)) {
      if (value !== undefined) entries.push([key, copy(value, [...path, key])]);
    }
    return Object.fromEntries(entries);
  }

  return { value: copy(exported, []), problems };
}

/** Names any value of JavaScript in two or three words. */
export function describeLoose(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return `${value}`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'function') {
    const isClass = /^class\b/.test(Function.prototype.toString.call(value));
    return `a ${isClass ? 'class' : 'function'}${value.name === '' ? '' : ` (${value.name})`}`;
  }
  if (typeof value === 'bigint') return `the bigint ${value}n`;
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return 'a list';
  if (isPlainObject(value)) return 'an object';
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== ''
    ? `an instance of ${name}`
    : 'an object of a class';
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // Objects from another realm (node:vm) are plain as well.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
