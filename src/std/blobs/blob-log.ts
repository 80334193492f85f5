// The log of a directory of blobs: what was written, wanted and removed, appended by many processes and read
// by all of them in the same order. So each has the same index without talking to the others, and it is
// still there after a restart. A process that dies in the middle leaves whole records: each is one write.
//
//   "SLUICEX1" (8) ┼ record (36) ┼ record …       record: kind, row (7 numbers), CRC-32; all uint32 LE

import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { BlobIndex, BlobRow } from './blob-index.ts';

export const recordKinds = { put: 1, remove: 2, use: 3 } as const;
export type RecordKind = keyof typeof recordKinds;

export interface LogRecord {
  readonly kind: RecordKind;
  readonly row: BlobRow;
}

const magic = Buffer.from('SLUICEX1');
const recordBytes = 36;
const readBytes = recordBytes * 8192;

export class BlobLog {
  readonly #index: BlobIndex;
  readonly #path: string;
  #file: FileHandle | null = null;
  #inode = 0;
  #readTo = 0;
  #reading: Promise<void> = Promise.resolve();
  /** Records that could not be read: somebody has to write the log anew. */
  broken = 0;

  constructor(directory: string, index: BlobIndex) {
    this.#path = join(directory, 'index.log');
    this.#index = index;
  }

  /** Bytes of the log that were read. */
  get bytes(): number {
    return this.#readTo;
  }

  /** Opens the log, made if need be, and reads all of it. */
  async open(): Promise<void> {
    await this.#reopen();
    await this.refresh();
  }

  /** Appends records; they hold when they are read again (`refresh`). */
  async append(records: readonly LogRecord[]): Promise<void> {
    const bytes = encode(records);
    // Somebody has replaced the log, and it is being opened anew.
    if (this.#file === null) await this.#reading;
    if (this.#file === null) throw new Error('the log is closed');
    const { bytesWritten } = await this.#file.write(bytes);
    if (bytesWritten < bytes.length) throw new Error('the disk took half a record');
  }

  /** Reads what is new. All that was appended before, by whomever, is in the index then. */
  refresh(): Promise<void> {
    const turn = this.#reading.then(() => this.#read());
    this.#reading = turn.catch(() => {});
    return turn;
  }

  /**
   * Writes the log anew with what holds now. Only one process may do that. Returns the former log, to which
   * others may still append for a moment.
   */
  async compact(): Promise<BlobLogRest> {
    await this.refresh();
    const temporary = `${this.#path}.new`;
    await unlink(temporary).catch(() => {});
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.write(magic);
      let records: LogRecord[] = [];
      for (const row of this.#index.rows()) {
        records.push({ kind: 'put', row });
        if (records.length < 4096) continue;
        await file.write(encode(records));
        records = [];
      }
      if (records.length > 0) await file.write(encode(records));
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
    const rest = new BlobLogRest(this.#file!, this.#readTo);
    this.#file = null;
    this.broken = 0;
    await this.refresh();
    return rest;
  }

  async close(): Promise<void> {
    await this.#reading;
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #reopen(): Promise<void> {
    const before = this.#file;
    this.#file = null;
    await before?.close();
    await this.#create();
    const file = await open(this.#path, 'a+', 0o600);
    this.#inode = (await file.stat()).ino;
    this.#file = file;
    this.#readTo = magic.length;
    this.#index.clear();
  }

  /** Several may do this at once: one log is there in the end, with one header. */
  async #create(): Promise<void> {
    if (await stat(this.#path).catch(() => null)) return;
    const temporary = `${this.#path}.${process.pid}-${randomUUID()}`;
    await writeFile(temporary, magic, { mode: 0o600 });
    await link(temporary, this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await unlink(temporary);
  }

  async #read(): Promise<void> {
    // Another process has compacted the log: what it holds now is all there is.
    const inode = await stat(this.#path).then(
      ({ ino }) => ino,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return 0;
      },
    );
    if (this.#file === null || inode !== this.#inode) await this.#reopen();
    for (;;) {
      const bytes = Buffer.allocUnsafe(readBytes);
      const { bytesRead } = await this.#file!.read(bytes, 0, readBytes, this.#readTo);
      const whole = bytesRead - (bytesRead % recordBytes);
      for (let at = 0; at < whole; at += recordBytes) {
        const record = decode(bytes, at);
        if (record === null) this.broken += 1;
        else applyRecord(this.#index, record);
      }
      this.#readTo += whole;
      if (bytesRead < readBytes) return;
    }
  }
}

/** What comes late into a log that has been replaced. */
export class BlobLogRest {
  readonly #file: FileHandle;
  #readTo: number;

  constructor(file: FileHandle, readTo: number) {
    this.#file = file;
    this.#readTo = readTo;
  }

  /** Returns the records that are new. */
  async take(): Promise<LogRecord[]> {
    const bytes = Buffer.allocUnsafe(readBytes);
    const { bytesRead } = await this.#file.read(bytes, 0, readBytes, this.#readTo);
    const records: LogRecord[] = [];
    const whole = bytesRead - (bytesRead % recordBytes);
    for (let at = 0; at < whole; at += recordBytes) {
      const record = decode(bytes, at);
      if (record !== null) records.push(record);
    }
    this.#readTo += whole;
    return records;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function applyRecord(index: BlobIndex, { kind, row }: LogRecord): void {
  if (kind === 'put') index.put(row);
  else if (kind === 'remove') index.remove(row);
  else index.touch(row);
}

function encode(records: readonly LogRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * recordBytes);
  for (const [number, { kind, row }] of records.entries()) {
    const at = number * recordBytes;
    const { high, low, variant, sumHigh, sumLow, blocks, usedS } = row;
    const numbers = [recordKinds[kind], high, low, variant, sumHigh, sumLow, blocks, usedS];
    for (const [field, value] of numbers.entries()) bytes.writeUInt32LE(value, at + field * 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(at, at + 32)), at + 32);
  }
  return bytes;
}

function decode(bytes: Buffer, at: number): LogRecord | null {
  if (crc32(bytes.subarray(at, at + 32)) !== bytes.readUInt32LE(at + 32)) return null;
  const number = (field: number) => bytes.readUInt32LE(at + field * 4);
  const kind = (Object.keys(recordKinds) as RecordKind[]).find((one) => {
    return recordKinds[one] === number(0);
  });
  if (kind === undefined || number(6) === 0) return null;
  const row: BlobRow = {
    ...{ high: number(1), low: number(2), variant: number(3) },
    ...{ sumHigh: number(4), sumLow: number(5), blocks: number(6), usedS: number(7) },
  };
  return { kind, row };
}
