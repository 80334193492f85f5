// What went wrong, in words: anything can be thrown.

/** Returns the message of an Error, anything else as text. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
