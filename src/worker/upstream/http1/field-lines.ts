// Reads the field lines of a head in one strict pass. Responses of one upstream say mostly the same, so
// lines are first compared with those that stood in their places in a head before: equal lines need no
// parsing and no new strings. All lines between two that vary are compared in one native call, because a
// loop over octets takes 3 ns for each of them. Where that does not pay off it rests for a while.

import { limits } from '../../../core/limits.ts';
import { FIELD_ORDINARY, findFieldName, HASH_START, nextHash } from './field-names.ts';
import { COLON, CR, DELETE, LF, SPACE, TAB, TOKEN_LOWER } from './octets.ts';
import { sharedText } from './shared-texts.ts';

/** Longer heads are not remembered. */
const IMAGE_BYTES_MAX = 16 * 1024;

/** So many heads later the image is made anew: what varied (a date, say) may stay the same by now. */
const IMAGE_HEADS = 64;

/** After a head most of whose lines differ, this many are read without comparing. */
const REST_HEADS = 30;

/** Numbers kept of each fresh line, see `#fresh`. */
const FRESH_NUMBERS = 6;

export class FieldLines {
  /** Lower-case names, values, and how the transport treats them (see field-names); `count` are valid. */
  readonly names: string[] = [];
  readonly values: string[] = [];
  readonly roles: number[] = [];
  count = 0;
  /** The lines of this head that were parsed, as indexes; `freshCount` are valid. */
  readonly freshLines = new Int32Array(limits.responseHeaderCount);
  freshCount = 0;
  /** The same names stand in the same places as in the head before. */
  hasSameNames = false;
  /** What is wrong with a malformed line. */
  problem = '';

  /**
   * The lines of an earlier head, and where each of them begins. All that have not varied since are those
   * that `names`, `values` and `roles` are about.
   */
  readonly #image = Buffer.alloc(IMAGE_BYTES_MAX);
  readonly #starts = new Int32Array(limits.responseHeaderCount + 1);
  #imageCount = 0;
  /** For each line of the image, the first one from it on that has varied. */
  readonly #runEnds = new Int32Array(limits.responseHeaderCount);
  /** 1 for each line whose name and value are those of `sharedText`. */
  readonly #isShared = new Uint8Array(limits.responseHeaderCount);
  /** End of the bytes that are being read. */
  #end = 0;
  /** Heads until the next image is made. */
  #headsLeft = 0;
  /** Of each fresh line: index, start, end of name, start and end of value, hash of the name. */
  readonly #fresh = new Int32Array(limits.responseHeaderCount * FRESH_NUMBERS);

  /**
   * Reads the lines that begin at `start`, and the empty one after them. Returns the offset after it; 0
   * when the bytes end before, -1 when a line is malformed.
   */
  read(bytes: Buffer, start: number, end: number): number {
    let index = 0;
    let at = start;
    this.#end = end;
    this.freshCount = 0;
    while (at < end && bytes[at] !== CR) {
      const same = index < this.#imageCount ? this.#sameLines(bytes, at, index) : index;
      if (same > index) {
        at += this.#starts[same]! - this.#starts[index]!;
        index = same;
      } else {
        at = this.#readLine(bytes, at, end, index);
        if (at <= 0) return at;
        index++;
      }
    }
    if (at + 1 >= end) return 0;
    if (bytes[at + 1] !== LF) return this.#refuse('a CR without LF');
    this.hasSameNames = index === this.count;
    this.count = index;
    if (this.freshCount > 0) this.#learn(bytes);
    this.#headsLeft--;
    if (this.#imageCount > 0 && this.freshCount * 2 > index) this.#rest();
    else if (this.#headsLeft <= 0) {
      this.#shareTexts();
      this.#makeImage(bytes, start, at);
    }
    return at + 2;
  }

  /**
   * Returns the line after those that are equal to the image from line `index` on; `index` itself when
   * that one is to be parsed, and then it counts as one that varies.
   */
  #sameLines(bytes: Buffer, start: number, index: number): number {
    const runEnd = this.#runEnds[index]!;
    if (runEnd === index) return index;
    const offset = start - this.#starts[index]!;
    if (this.#isEqual(bytes, offset, index, runEnd)) return runEnd;
    let varying = index;
    while (this.#isEqual(bytes, offset, varying, varying + 1)) varying++;
    this.#runEnds.fill(varying, index, varying + 1);
    return varying;
  }

  /** Whether lines `from` to `to` of the image stand in `bytes`, with `offset` added to their places. */
  #isEqual(bytes: Buffer, offset: number, from: number, to: number): boolean {
    const start = this.#starts[from]!;
    const after = this.#starts[to]!;
    if (after + offset > this.#end) return false;
    return bytes.compare(this.#image, start, after, start + offset, after + offset) === 0;
  }

  #readLine(bytes: Buffer, start: number, end: number, index: number): number {
    let at = start;
    let hash = HASH_START;
    for (; at < end; at++) {
      const octet = TOKEN_LOWER[bytes[at]!]!;
      if (octet === 0) break;
      hash = nextHash(hash, octet);
    }
    if (at === end) return 0;
    if (at === start || bytes[at] !== COLON) return this.#refuse('a malformed field name');
    if (index === limits.responseHeaderCount) return this.#refuse('too many fields');
    const nameEnd = at;
    at++;
    while (at < end && isBlank(bytes[at]!)) at++;
    const valueStart = at;
    for (; at < end; at++) {
      const octet = bytes[at]!;
      if ((octet < SPACE && octet !== TAB) || octet === DELETE) break;
    }
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
    if (at >= end) return 0;
    if (bytes[at] !== CR) {
      return this.#refuse(bytes[at] === LF ? 'an LF without CR' : 'a control character');
    }
    if (at + 1 >= end) return 0;
    if (bytes[at + 1] !== LF) return this.#refuse('a CR without LF');
    const fresh = this.#fresh;
    const offset = this.freshCount * FRESH_NUMBERS;
    fresh[offset] = index;
    fresh[offset + 1] = start;
    fresh[offset + 2] = nameEnd;
    fresh[offset + 3] = valueStart;
    fresh[offset + 4] = valueEnd;
    fresh[offset + 5] = hash;
    this.freshCount++;
    return at + 2;
  }

  /**
   * The head is well-formed: takes over its fresh lines. Not before, so that name, value and octets of a
   * line always belong together. The values are slices of one string.
   */
  #learn(bytes: Buffer): void {
    const fresh = this.#fresh;
    const last = (this.freshCount - 1) * FRESH_NUMBERS;
    const first = fresh[1]!;
    const text = bytes.toString('latin1', first, fresh[last + 4]!);
    for (let at = 0; at < this.freshCount; at++) {
      const offset = at * FRESH_NUMBERS;
      const index = fresh[offset]!;
      const start = fresh[offset + 1]!;
      const nameEnd = fresh[offset + 2]!;
      const known = findFieldName(bytes, start, nameEnd, fresh[offset + 5]!);
      const name = known?.text ?? text.slice(start - first, nameEnd - first).toLowerCase();
      if (name !== this.names[index]) this.hasSameNames = false;
      this.names[index] = name;
      this.values[index] = text.slice(fresh[offset + 3]! - first, fresh[offset + 4]! - first);
      this.roles[index] = known?.role ?? FIELD_ORDINARY;
      this.#isShared[index] = 0;
      this.freshLines[at] = index;
    }
  }

  #rest(): void {
    this.#imageCount = 0;
    this.#headsLeft = REST_HEADS;
  }

  /** What has not varied since the last image is the string of all connections from now on. */
  #shareTexts(): void {
    const { names, values, roles } = this;
    for (let line = 0; line < this.#imageCount && line < this.count; line++) {
      const varies = this.#runEnds[line] === line;
      if (varies || this.#isShared[line] === 1 || roles[line] !== FIELD_ORDINARY) continue;
      names[line] = sharedText(names[line]!);
      values[line] = sharedText(values[line]!);
      this.#isShared[line] = 1;
      // So that they are looked at again.
      this.hasSameNames = false;
    }
  }

  /** Remembers the lines of the head just read. */
  #makeImage(bytes: Buffer, start: number, end: number): void {
    const { count } = this;
    this.#headsLeft = IMAGE_HEADS;
    this.#imageCount = end - start <= IMAGE_BYTES_MAX ? count : 0;
    if (this.#imageCount === 0) return;
    bytes.copy(this.#image, 0, start, end);
    this.#runEnds.fill(count, 0, count);
    for (let line = 0; line < count; line++) {
      this.#starts[line + 1] = this.#image.indexOf(LF, this.#starts[line]) + 1;
    }
  }

  #refuse(problem: string): -1 {
    this.problem = problem;
    return -1;
  }
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB;
}
