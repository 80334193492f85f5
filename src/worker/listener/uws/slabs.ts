// Memory for large pieces of uploads, lent again and again. The engine reads a socket for as long as each
// read fills its 512 KiB buffer, paused or not (uSockets, `read_more`), so what outruns us must be taken
// fast: into memory that is there already. With fresh memory (page faults) each piece took longer than a
// fast sender needs for the next one: a 2 GiB upload over loopback came in one single turn.

/** As much as the engine delivers in one piece. */
const SLAB_BYTES = 512 * 1024;

/** Smaller pieces are cheap to allocate; small ones come out of Node's pool, for a third of the time. */
export const LARGE_PIECE_BYTES = 64 * 1024;

/** Slabs that a worker keeps when nobody uses them: 16 MiB. */
const KEPT_MAX = 32;

const kept: Uint8Array[] = [];

/** Returns a copy of `piece`, at most 512 KiB; large ones are given back with `giveBack`. */
export function keepCopy(piece: Uint8Array): Uint8Array {
  if (piece.byteLength < LARGE_PIECE_BYTES || piece.byteLength > SLAB_BYTES) {
    return Buffer.from(piece);
  }
  const slab = kept.pop() ?? new Uint8Array(SLAB_BYTES);
  slab.set(piece);
  return slab.subarray(0, piece.byteLength);
}

/** The copy is not used any more; harmless for those that are no slabs. */
export function giveBack(copy: Uint8Array): void {
  const { buffer } = copy;
  if (buffer.byteLength !== SLAB_BYTES || kept.length >= KEPT_MAX) return;
  kept.push(new Uint8Array(buffer as ArrayBuffer));
}
