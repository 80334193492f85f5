// A file that says itself whether it is whole: a head and a body with the SHA-256 of both in front. Written
// under a temporary name and renamed, so that nobody sees half of one; what was torn anyway, by a crash of
// the machine or a failing disk, is found out when it is read.
//
//   0       4            8            12        48
//   ├ "SLB1" ┼ head bytes ┼ body bytes ┼ SHA-256 ┼ head ┼ body      uint32 LE
//                                      (with 4 bytes of zero before it)

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';

const magic = 0x31424c53;
const prefixBytes = 48;
/** Hashed and moved in one go: the event loop belongs to others too. */
const pieceBytes = 256 * 1024;

export interface Blob {
  readonly head: Buffer;
  readonly body: Buffer;
}

/** A blob whose body stays in its file, which is open. */
export interface OpenBlob {
  readonly head: Buffer;
  readonly bodyBytes: number;
  /** Reads a part of the body; false when it is not there. Rejects as the file system does. */
  read(piece: Uint8Array, offset: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Returns how large the file of such a blob is. */
export function blobBytes(headBytes: number, bodyBytes: number): number {
  return prefixBytes + headBytes + bodyBytes;
}

/** Returns the SHA-256 of a blob; the loop gets its turn in between. */
export async function blobDigest(head: Uint8Array, body: Uint8Array): Promise<Buffer> {
  const hash = createHash('sha256').update(prefixOf(head.byteLength, body.byteLength));
  hash.update(head);
  for (let at = 0; at < body.byteLength; at += pieceBytes) {
    if (at > 0) await nextTurn();
    hash.update(body.subarray(at, at + pieceBytes));
  }
  return hash.digest();
}

export interface WrittenBlob {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  readonly digest: Uint8Array;
  /** Asked when all is written, before it gets its name; without it, it gets it. */
  readonly isWanted?: () => Promise<boolean>;
}

/**
 * Writes a blob with its digest; false when it is wanted no more. Rejects as the file system does. Only under
 * its name something stays.
 */
export async function writeBlob(
  path: string,
  temporary: string,
  { head, body, digest, isWanted }: WrittenBlob,
): Promise<boolean> {
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      const front = Buffer.concat([prefixOf(head.byteLength, body.byteLength), digest, head]);
      await writeAll(file, front, 0);
      await writeAll(file, body, front.byteLength);
    } finally {
      await file.close();
    }
    if (isWanted !== undefined && !(await isWanted())) {
      await unlink(temporary);
      return false;
    }
    await rename(temporary, path);
    return true;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

/**
 * Reads a blob of at most `bytesMax`; null when it is not whole. Rejects as the file system does, e.g. with
 * ENOENT.
 */
export async function readBlob(path: string, bytesMax: number): Promise<Blob | null> {
  const file = await open(path, 'r');
  try {
    const front = await readFront(file, bytesMax);
    if (front === null) return null;
    const { head, hash, digest, bodyAt, bodyBytes } = front;
    const body = Buffer.allocUnsafeSlow(bodyBytes);
    for (let at = 0; at < bodyBytes; at += pieceBytes) {
      const piece = body.subarray(at, at + pieceBytes);
      if (!(await readAll(file, piece, bodyAt + at))) return null;
      hash.update(piece);
    }
    return hash.digest().equals(digest) ? { head, body } : null;
  } finally {
    await file.close();
  }
}

/**
 * Opens a blob of at most `bytesMax` and looks whether it is whole, which `isKnown` saves, without having
 * more of it in memory than a piece; null when it is not whole. Rejects as the file system does.
 */
export async function openBlob(
  path: string,
  bytesMax: number,
  isKnown: boolean,
): Promise<OpenBlob | null> {
  const file = await open(path, 'r');
  let isGood = false;
  try {
    const front = await readFront(file, bytesMax);
    if (front === null) return null;
    const { head, bodyAt, bodyBytes } = front;
    isGood = isKnown || (await isWhole(file, front));
    if (!isGood) return null;
    return {
      ...{ head, bodyBytes },
      read: (piece, offset) => readAll(file, piece, bodyAt + offset),
      close: () => file.close(),
    };
  } finally {
    if (!isGood) await file.close();
  }
}

/** What stands before the body. */
interface Front {
  readonly head: Buffer;
  /** Of all but the body. */
  readonly hash: Hash;
  readonly digest: Buffer;
  readonly bodyAt: number;
  readonly bodyBytes: number;
}

async function readFront(file: FileHandle, bytesMax: number): Promise<Front | null> {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  if (!(await readAll(file, prefix, 0)) || prefix.readUInt32LE(0) !== magic) return null;
  const headBytes = prefix.readUInt32LE(4);
  const bodyBytes = prefix.readUInt32LE(8);
  const bytes = blobBytes(headBytes, bodyBytes);
  // Lengths are believed only when the file has them.
  if (bytes > bytesMax || (await file.stat()).size !== bytes) return null;
  const head = Buffer.allocUnsafeSlow(headBytes);
  if (!(await readAll(file, head, prefixBytes))) return null;
  const hash = createHash('sha256').update(prefix.subarray(0, 16)).update(head);
  return { head, hash, digest: prefix.subarray(16), bodyAt: prefixBytes + headBytes, bodyBytes };
}

async function isWhole(file: FileHandle, { hash, digest, bodyAt, bodyBytes }: Front) {
  const scratch = Buffer.allocUnsafeSlow(Math.min(pieceBytes, bodyBytes));
  for (let at = 0; at < bodyBytes; at += pieceBytes) {
    const piece = scratch.subarray(0, Math.min(pieceBytes, bodyBytes - at));
    if (!(await readAll(file, piece, bodyAt + at))) return false;
    hash.update(piece);
  }
  return hash.digest().equals(digest);
}

function prefixOf(headBytes: number, bodyBytes: number): Buffer {
  const prefix = Buffer.alloc(16);
  prefix.writeUInt32LE(magic, 0);
  prefix.writeUInt32LE(headBytes, 4);
  prefix.writeUInt32LE(bodyBytes, 8);
  return prefix;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Math.min(pieceBytes, bytes.byteLength - at);
    const { bytesWritten } = await file.write(bytes, at, length, position + at);
    at += bytesWritten;
  }
}

async function readAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let at = 0; at < bytes.byteLength; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.byteLength - at, position + at);
    if (bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
