// The kinds of scalars a configuration is made of. The message of every rule is what was expected, so
// that an error can say "expected …, got …" whatever went wrong.

import * as z from 'zod';
import { durationPattern, formatDuration, parseDuration } from '../std/duration.ts';
import { formatSize, parseSize, sizePattern } from '../std/size.ts';

/** Closed interval, in the unit of the field. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Builds a whole number within `range`. */
export function integer({ min, max }: Range) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Builds true or false. */
export function flag() {
  return z.boolean({ error: 'true or false' });
}

/** Builds one of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: words.map((word) => `'${word}'`).join(' or ') });
}

/** Builds a duration within `range` (ms): '30s', '1m30s' or a number of milliseconds → milliseconds. */
export function duration({ min, max }: Range) {
  const bounds = `from ${formatDuration(min)} to ${formatDuration(max)}`;
  const error = `a duration ${bounds}, such as '30s', '1m30s' or 250 (milliseconds)`;
  return z
    .union([z.string().regex(durationPattern), z.number().int().min(0)], { error })
    .transform((value, context) => {
      const durationMs = typeof value === 'number' ? value : parseDuration(value);
      if (durationMs !== null && durationMs >= min && durationMs <= max) return durationMs;
      context.addIssue({ code: 'custom', message: error, input: value });
      return z.NEVER;
    });
}

/** Builds a size within `range` (bytes): '64KiB', '10MB' or a number of bytes → bytes. */
export function size({ min, max }: Range) {
  const error = `a size from ${formatSize(min)} to ${formatSize(max)}, such as '64KiB', '10MB' or 512 (bytes)`;
  return z
    .union([z.string().regex(sizePattern), z.number().int().min(0)], { error })
    .transform((value, context) => {
      const sizeBytes = typeof value === 'number' ? value : parseSize(value);
      if (sizeBytes !== null && sizeBytes >= min && sizeBytes <= max) return sizeBytes;
      context.addIssue({ code: 'custom', message: error, input: value });
      return z.NEVER;
    });
}

/**
 * Builds a string that `read` accepts; `read` returns the canonical form, or null to refuse.
 * `expected` completes the sentence "expected …".
 */
export function text(expected: string, read: (value: string) => string | null) {
  return z.string({ error: expected }).transform((value, context) => {
    const canonical = read(value);
    if (canonical !== null) return canonical;
    context.addIssue({ code: 'custom', message: expected, input: value });
    return z.NEVER;
  });
}
