// Byte strings as the engine of JavaScript keeps them: what was joined is in pieces until somebody reads it,
// and a part of a longer text keeps all of that.

/** Returns a copy of a byte string, in one piece and with nothing behind it. */
export function flatText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
