// Sessions on their way between processes: records of 28 bytes, peers by their place in a list beside them.
//
//   0      4     8      12          20         28
//   ├ high ┼ low ┼ peer ┼ stuckAtMs ┼ usedAtMs ┤    uint32 and float64, big endian

import { namesMax, type SessionPage } from './messages.ts';
import type { StickRecord, StickTable } from './stick-table.ts';

const recordBytes = 28;

/** Records in one page. */
export const pageRecordsMax = 1024;

/** Bytes of the records in one page. */
export const pageBytesMax = pageRecordsMax * recordBytes;

/** Returns what stands in these slots of a table; several pages only when very many peers are named. */
export function writePages(
  upstream: string,
  table: StickTable,
  slots: readonly number[],
): SessionPage[] {
  const pages: SessionPage[] = [];
  let from = 0;
  while (from < slots.length) {
    const places = new Map<string, number>();
    const records = Buffer.allocUnsafe(Math.min(slots.length - from, pageRecordsMax) * recordBytes);
    let at = 0;
    for (; at < records.length; at += recordBytes, from += 1) {
      const record = table.record(slots[from]!);
      let place = places.get(record.peerId);
      if (place === undefined) {
        if (places.size === namesMax) break;
        place = places.size;
        places.set(record.peerId, place);
      }
      records.writeUInt32BE(record.high, at);
      records.writeUInt32BE(record.low, at + 4);
      records.writeUInt32BE(place, at + 8);
      records.writeDoubleBE(record.stuckAtMs, at + 12);
      records.writeDoubleBE(record.usedAtMs, at + 20);
    }
    const peers = [...places.keys()];
    pages.push({ kind: 'sessions', upstream, peers, records: records.subarray(0, at) });
  }
  return pages;
}

/** Returns the records of a page that was found to be whole. */
export function readPage({ peers, records }: SessionPage): StickRecord[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  return Array.from({ length: records.length / recordBytes }, (_, index) => {
    const at = index * recordBytes;
    return {
      high: view.getUint32(at),
      low: view.getUint32(at + 4),
      peerId: peers[view.getUint32(at + 8)]!,
      stuckAtMs: view.getFloat64(at + 12),
      usedAtMs: view.getFloat64(at + 20),
    };
  });
}

/** Tells whether bytes are whole records, of `peers` peers, with times that can be. */
export function areRecords(value: unknown, peers: number): boolean {
  if (!(value instanceof Uint8Array) || value.length > pageBytesMax) return false;
  if (value.length % recordBytes !== 0) return false;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  for (let at = 0; at < value.length; at += recordBytes) {
    if (view.getUint32(at + 8) >= peers) return false;
    if (!isTime(view.getFloat64(at + 12)) || !isTime(view.getFloat64(at + 20))) return false;
  }
  return true;
}

function isTime(ms: number): boolean {
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER;
}
