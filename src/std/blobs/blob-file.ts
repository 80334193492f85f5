// A file that says itself whether it is whole: a head and a body with the SHA-256 of both in front. Written
// under a temporary name and renamed, so that nobody sees half of one; what was torn anyway, by a crash of
// the machine or a failing disk, is found out when it is read.
//
//   0       4            8            12        48
//   ├ "SLB1" ┼ head bytes ┼ body bytes ┼ SHA-256 ┼ head ┼ body      uint32 LE
//                                      (with 4 bytes of zero before it)

import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';

const magic = 0x31424c53;
const prefixBytes = 48;
/** Hashed and moved in one go: the event loop belongs to others too. */
const pieceBytes = 256 * 1024;

export interface Blob {
  readonly head: Buffer;
  readonly body: Buffer;
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

/** Writes a blob with its digest. Rejects as the file system does; the temporary file is gone then. */
export async function writeBlob(
  path: string,
  temporary: string,
  { head, body, digest }: { head: Uint8Array; body: Uint8Array; digest: Uint8Array },
): Promise<void> {
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      const front = Buffer.concat([prefixOf(head.byteLength, body.byteLength), digest, head]);
      await writeAll(file, front, 0);
      await writeAll(file, body, front.byteLength);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
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
    const prefix = Buffer.allocUnsafe(prefixBytes);
    if (!(await readAll(file, prefix, 0)) || prefix.readUInt32LE(0) !== magic) return null;
    const headBytes = prefix.readUInt32LE(4);
    const bodyBytes = prefix.readUInt32LE(8);
    const bytes = blobBytes(headBytes, bodyBytes);
    // Lengths are believed only when the file has them.
    if (bytes > bytesMax || (await file.stat()).size !== bytes) return null;
    const head = Buffer.allocUnsafeSlow(headBytes);
    const body = Buffer.allocUnsafeSlow(bodyBytes);
    if (!(await readAll(file, head, prefixBytes))) return null;
    const hash = createHash('sha256').update(prefix.subarray(0, 16)).update(head);
    for (let at = 0; at < bodyBytes; at += pieceBytes) {
      const piece = body.subarray(at, at + pieceBytes);
      if (!(await readAll(file, piece, prefixBytes + headBytes + at))) return null;
      hash.update(piece);
    }
    return hash.digest().equals(prefix.subarray(16)) ? { head, body } : null;
  } finally {
    await file.close();
  }
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
