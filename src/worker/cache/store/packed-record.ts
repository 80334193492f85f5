// What a record of a packed answer looks like: nine doubles, nine counts, bits for the texts that it has (if
// it refers to a model for the others), the lengths of these, the texts, the body.

import type { Segment } from '../../../std/record-fifo.ts';
import { maskWords, SINGLE_TEXTS, TextReader, type TextWriter } from './packed-texts.ts';

export const DOUBLES = 9;
const WORDS = 9;
/** Among the counts: how many texts are in the record, and the place of its model plus 1, or 0. */
export const WRITTEN = 7;
export const MODEL = 8;

/** For the texts of the record whose counts begin at `word`. */
export function readerAt(
  { bytes, words }: Segment,
  word: number,
  model: readonly string[] | null,
): TextReader {
  const lengths = lengthsAt(words, word);
  const from = (lengths + words[word + WRITTEN]!) * 4;
  const text = bytes.toString('latin1', from, from + words[word + 3]!);
  return new TextReader(text, model, { words, lengths, masks: word + WORDS });
}

/** Where the lengths of the texts are, by the counts that begin at `word`. */
export function lengthsAt(words: Uint32Array, word: number): number {
  return word + WORDS + (words[word + MODEL] === 0 ? 0 : maskWords(textsOf(words, word)));
}

/** How many texts there are, by the counts that begin at `word`. */
export function textsOf(words: Uint32Array, word: number): number {
  return SINGLE_TEXTS + words[word + 4]! + words[word + 5]! + words[word + 6]!;
}

/** What the answer takes that `writer` has gone through. */
export function bytesOf({ maskCount, written, text }: TextWriter, body: Uint8Array): number {
  return DOUBLES * 8 + (WORDS + maskCount + written) * 4 + text.length + body.byteLength;
}
