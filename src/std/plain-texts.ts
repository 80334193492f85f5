// Texts that were looked at before and found to hold nothing unusual: to find one again costs 12 ns, to look
// through 60 characters 80. They are kept from the second time on, because what comes once (a target with a
// number of its own) would push out the others and, as a young string in an old table, make work for the
// garbage collector; who never says the same twice pays 20 ns more.

const SLOTS = 1024;
/** Longer ones are not worth their memory. */
const LENGTH_MAX = 256;
/** So many characters, the last ones, tell whether a text is likely to be the one before. */
const MARK_CHARS = 8;

/** Remembers the latest of those with the same length and a few equal characters. */
export class PlainTexts {
  readonly #isPlain: (text: string) => boolean;
  readonly #known: string[] = new Array<string>(SLOTS).fill('');
  /** What the last text of each place looked like. */
  readonly #marks = new Int32Array(SLOTS);

  /** `isPlain` goes by nothing but the text. */
  constructor(isPlain: (text: string) => boolean) {
    this.#isPlain = isPlain;
  }

  /**
   * Returns `text` if it is plain, else null. What was kept is returned as the very string that it was then:
   * its hash is known, and it equals itself at a glance.
   */
  find(text: string): string | null {
    const { length } = text;
    if (length === 0) return text;
    const ends = 7 * text.charCodeAt(length - 1) + 31 * text.charCodeAt(length >> 1);
    const slot = (length + ends) & (SLOTS - 1);
    const known = this.#known[slot]!;
    if (known === text) return known;
    if (!this.#isPlain(text)) return null;
    if (length <= LENGTH_MAX) this.#learn(slot, text);
    return text;
  }

  #learn(slot: number, text: string): void {
    let mark = text.length;
    for (let at = Math.max(0, text.length - MARK_CHARS); at < text.length; at++) {
      mark = (Math.imul(mark, 31) + text.charCodeAt(at)) | 0;
    }
    if (this.#marks[slot] === mark) this.#known[slot] = text;
    else this.#marks[slot] = mark;
  }
}
