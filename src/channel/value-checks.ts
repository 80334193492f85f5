// What the parsers of all messages between processes ask of single values.

/** What may be stored for ever counts as this: about 30 years. */
const SPAN_MS_MAX = 1e12;

/** A whole number that is not negative. */
export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Milliseconds, perhaps broken. */
export function isSpan(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= SPAN_MS_MAX;
}

export function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}
