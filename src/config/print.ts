// Writes a complete configuration as YAML that can be read again, each value with where it came from.

import { stringify } from 'yaml';
import { formatDuration } from '../std/duration.ts';
import { formatSize } from '../std/size.ts';
import type { LoadedConfig } from './parse.ts';
import { formatPath, type Path } from './path.ts';
import { settingsOf } from './schema.ts';

/** Comments start in this column where the value leaves room. */
const commentColumn = 44;

/** Returns the effective configuration as YAML with the origin of every value behind it. */
export function formatConfig({
  config,
  origins,
}: Pick<LoadedConfig, 'config' | 'origins'>): string {
  const lines: string[] = [];

  function write(lead: string, value: unknown, path: Path): void {
    const indent = ' '.repeat(lead.search(/[^ -]|$/));
    if (Array.isArray(value) && value.length > 0) {
      lines.push(lead);
      for (const [index, item] of value.entries())
        writeItem(`${indent}  - `, item, [...path, index]);
    } else if (isMap(value) && Object.keys(value).length > 0) {
      lines.push(lead);
      for (const [key, inner] of Object.entries(value)) {
        write(`${indent}  ${formatKey(key)}:`, inner, [...path, key]);
      }
    } else {
      const line = `${lead} ${formatScalar(value, path)}`;
      lines.push(`${line.padEnd(commentColumn)} # ${origins.get(formatPath(path)) ?? 'default'}`);
    }
  }

  /** The first key of a map stands behind the dash. */
  function writeItem(lead: string, item: unknown, path: Path): void {
    if (!isMap(item)) {
      write(lead.trimEnd(), item, path);
      return;
    }
    const indent = ' '.repeat(lead.length);
    for (const [index, [key, inner]] of Object.entries(item).entries()) {
      write(`${index === 0 ? lead : indent}${formatKey(key)}:`, inner, [...path, key]);
    }
  }

  for (const [key, value] of Object.entries(settingsOf(config)))
    write(`${formatKey(key)}:`, value, [key]);
  return `${lines.join('\n')}\n`;
}

/** Writes a value the way people do: durations and sizes with their units. */
export function formatSetting(value: unknown, path: Path): string {
  const key = String(path.at(-1));
  if (typeof value === 'number' && /Ms$/.test(key)) return formatDuration(value);
  if (typeof value === 'number' && /Bytes(?:Max)?$/.test(key)) return formatSize(value);
  if (value === null) return '';
  return String(value);
}

function formatScalar(value: unknown, path: Path): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return '[]';
  if (isMap(value)) return '{}';
  if (typeof value !== 'string') return formatSetting(value, path);
  return /[\x00-\x1f]/.test(value)
    ? JSON.stringify(value)
    : stringify(value, { lineWidth: 0 }).trimEnd();
}

function formatKey(key: string): string {
  return stringify(key, { lineWidth: 0 }).trimEnd();
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
