// Which blobs are on disk: an open hash table in one piece of memory, 28 bytes a row, because every process
// has its own and there may be hundreds of thousands. Changed only by records of the log (blob-log), which
// all processes read in the same order.

/** Names one blob: 64 bits of its key, 32 of its variant, 64 of its content. */
export interface BlobRow {
  readonly high: number;
  readonly low: number;
  readonly variant: number;
  readonly sumHigh: number;
  readonly sumLow: number;
  /** Of 4 KiB, as file systems count; at least 1. */
  readonly blocks: number;
  /** When it was written or last wanted, in seconds since 1970. */
  readonly usedS: number;
}

export const blockBytes = 4096;
const fields = 7;
const loadMax = 0.7;

/** Returns the blocks that a file takes. */
export function blocksOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / blockBytes));
}

export class BlobIndex {
  /** Rows by place, `fields` numbers each; `blocks` 0 is an empty place. */
  #table = new Uint32Array(1024 * fields);
  #places = 1024;
  #blocks = 0;
  length = 0;
  blocksMax: number;
  readonly rowsMax: number;

  constructor(bytesMax: number, rowsMax: number) {
    this.blocksMax = Math.floor(bytesMax / blockBytes);
    this.rowsMax = rowsMax;
  }

  /** Bytes on disk of all rows. */
  get bytes(): number {
    return this.#blocks * blockBytes;
  }

  /** Returns all variants of a key. */
  find(high: number, low: number): BlobRow[] {
    const rows: BlobRow[] = [];
    for (let place = this.#home(low); this.#at(place, 5) !== 0; place = this.#next(place)) {
      if (this.#at(place, 1) === low && this.#at(place, 0) === high) rows.push(this.#row(place));
    }
    return rows;
  }

  /** Returns the row of a variant, whatever its content; null when there is none. */
  get({ high, low, variant }: Pick<BlobRow, 'high' | 'low' | 'variant'>): BlobRow | null {
    const place = this.#place(high, low, variant);
    return place === -1 ? null : this.#row(place);
  }

  /** Adds a row; false when there is no room, or another content of that key and variant. */
  put(row: BlobRow): boolean {
    const known = this.#place(row.high, row.low, row.variant);
    if (known !== -1) {
      if (!this.#hasContent(known, row)) return false;
      this.touch(row);
      return true;
    }
    if (this.#blocks + row.blocks > this.blocksMax || this.length >= this.rowsMax) return false;
    this.#blocks += row.blocks;
    this.#add(row);
    return true;
  }

  /** Takes out a row if it still has that content. */
  remove(row: BlobRow): boolean {
    const place = this.#place(row.high, row.low, row.variant);
    if (place === -1 || !this.#hasContent(place, row)) return false;
    this.#blocks -= this.#at(place, 5);
    this.length -= 1;
    this.#close(place);
    return true;
  }

  touch(row: BlobRow): void {
    const place = this.#place(row.high, row.low, row.variant);
    if (place === -1) return;
    this.#table[place * fields + 6] = Math.max(this.#at(place, 6), row.usedS);
  }

  clear(): void {
    this.#places = 1024;
    this.#table = new Uint32Array(this.#places * fields);
    this.#blocks = 0;
    this.length = 0;
  }

  /** Returns all rows, or those whose key begins with that octet. */
  *rows(octet: number | null = null): Iterable<BlobRow> {
    for (let place = 0; place < this.#places; place++) {
      if (this.#at(place, 5) === 0) continue;
      if (octet === null || this.#at(place, 0) >>> 24 === octet) yield this.#row(place);
    }
  }

  /** Returns the rows that were wanted longest ago, together at least `blocks`. */
  oldest(blocks: number): BlobRow[] {
    const rows = [...this.rows()].sort((a, b) => a.usedS - b.usedS);
    let sum = 0;
    const count = rows.findIndex((row) => {
      if (sum >= blocks) return true;
      sum += row.blocks;
      return false;
    });
    return count === -1 ? rows : rows.slice(0, count);
  }

  #home(low: number): number {
    return low & (this.#places - 1);
  }

  #next(place: number): number {
    return (place + 1) & (this.#places - 1);
  }

  #at(place: number, field: number): number {
    return this.#table[place * fields + field]!;
  }

  #place(high: number, low: number, variant: number): number {
    for (let place = this.#home(low); this.#at(place, 5) !== 0; place = this.#next(place)) {
      const isKey = this.#at(place, 1) === low && this.#at(place, 0) === high;
      if (isKey && this.#at(place, 2) === variant) return place;
    }
    return -1;
  }

  #hasContent(place: number, { sumHigh, sumLow }: BlobRow): boolean {
    return this.#at(place, 3) === sumHigh && this.#at(place, 4) === sumLow;
  }

  #row(place: number): BlobRow {
    const [high, low, variant, sumHigh, sumLow, blocks, usedS] = this.#table.subarray(
      place * fields,
      (place + 1) * fields,
    ) as unknown as [number, number, number, number, number, number, number];
    return { high, low, variant, sumHigh, sumLow, blocks, usedS };
  }

  #set(place: number, { high, low, variant, sumHigh, sumLow, blocks, usedS }: BlobRow): void {
    this.#table.set([high, low, variant, sumHigh, sumLow, blocks, usedS], place * fields);
  }

  #add(row: BlobRow): void {
    if (this.length + 1 > this.#places * loadMax) this.#grow();
    let place = this.#home(row.low);
    while (this.#at(place, 5) !== 0) place = this.#next(place);
    this.#set(place, row);
    this.length += 1;
  }

  #grow(): void {
    const rows = [...this.rows()];
    this.#places *= 2;
    this.#table = new Uint32Array(this.#places * fields);
    this.length = 0;
    for (const row of rows) this.#add(row);
  }

  /** Closes the gap: rows behind it that were pushed on from their home move back. */
  #close(gap: number): void {
    let hole = gap;
    for (let place = this.#next(hole); this.#at(place, 5) !== 0; place = this.#next(place)) {
      const home = this.#home(this.#at(place, 1));
      const fromHome = (place - home) & (this.#places - 1);
      const fromHole = (place - hole) & (this.#places - 1);
      if (fromHome < fromHole) continue;
      this.#table.copyWithin(hole * fields, place * fields, (place + 1) * fields);
      hole = place;
    }
    this.#table.fill(0, hole * fields, (hole + 1) * fields);
  }
}
