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

/** Builds a group of settings, all with their own defaults unless required. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'invalid_type' ? 'a map of settings' : undefined),
  });
}

/** Builds a whole number within `range`. */
export function integer({ min, max }: Range) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Builds a number within `range`. */
export function decimal({ min, max }: Range) {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
}

/** Builds true or false. */
export function flag() {
  return z.boolean({ error: 'true or false' });
}

const shortForms = new WeakSet<z.core.$ZodType>();

/** Marks a key that only abbreviates others: draft.ts writes it out, the effective configuration lacks it. */
export function shortForm<Schema extends z.ZodType>(schema: Schema): Schema {
  shortForms.add(schema);
  return schema;
}

/** Tells whether a key only abbreviates others. */
export function isShortForm(schema: z.core.$ZodType): boolean {
  return shortForms.has(schema);
}

/** Builds one of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: wordList(words) });
}

/** A number with units: how it is written, read and shown. */
interface Quantity {
  readonly noun: string;
  readonly examples: string;
  readonly pattern: RegExp;
  readonly read: (text: string) => number | null;
  readonly write: (value: number) => string;
}

const durations: Quantity = {
  noun: 'duration',
  examples: "'30s', '1m30s' or 250 (milliseconds)",
  pattern: durationPattern,
  read: parseDuration,
  write: formatDuration,
};

const sizes: Quantity = {
  noun: 'size',
  examples: "'64KiB', '10MB' or 512 (bytes)",
  pattern: sizePattern,
  read: parseSize,
  write: formatSize,
};

/** Builds a duration within `range` (ms): '30s', '1m30s' or a number of milliseconds → milliseconds. */
export function duration(range: Range) {
  return quantity(durations, range);
}

/** Builds a size within `range` (bytes): '64KiB', '10MB' or a number of bytes → bytes. */
export function size(range: Range) {
  return quantity(sizes, range);
}

function quantity({ noun, examples, pattern, read, write }: Quantity, { min, max }: Range) {
  const error = `a ${noun} from ${write(min)} to ${write(max)}, such as ${examples}`;
  const number = z.number({ error }).int({ error }).min(0, { error });
  return z
    .union([z.string().regex(pattern, { error }), number], { error })
    .transform((value, context) => {
      const amount = typeof value === 'number' ? value : read(value);
      if (amount !== null && amount >= min && amount <= max) return amount;
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

/** Checks a section: the duration `small` may not be longer than the duration `large`. */
export function atMost<Small extends string, Large extends string>(small: Small, large: Large) {
  return (context: z.core.ParsePayload<Record<Small | Large, number>>) => {
    const limitMs = context.value[large];
    if (context.value[small] <= limitMs) return;
    const message = `at most ${large}, which is ${formatDuration(limitMs)}`;
    context.issues.push({ code: 'custom', message, input: context.value, path: [small] });
  };
}

/** 'a', 'b' or 'c'. */
function wordList(words: readonly string[]): string {
  const quoted = words.map((word) => `'${word}'`);
  const last = quoted.pop();
  return quoted.length === 0 ? `${last}` : `${quoted.join(', ')} or ${last}`;
}
