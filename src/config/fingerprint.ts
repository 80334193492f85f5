// Tells whether two configurations are the same, whatever the order of their keys.

import { createHash } from 'node:crypto';
import type { Config } from './schema.ts';

/** Returns 32 hex digits that are equal for equal configurations and differ for different ones. */
export function fingerprint(config: Config): string {
  return createHash('sha256').update(canonical(config)).digest('hex').slice(0, 32);
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
