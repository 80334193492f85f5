// What a body costs the event loop: compressed there, and handed to a thread and taken back. Measured as CPU
// time of the main thread alone, as Linux counts it.

import { readFileSync } from 'node:fs';
import { type EncoderName, encodeWhole } from '../../src/std/encode.ts';
import { OffloadPool } from '../../src/worker/offload/offload-pool.ts';
import { recordsJson } from './page.ts';

const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024].map((kib) => kib * 1024);
const CODINGS: readonly [coding: EncoderName, levels: readonly number[]][] = [
  ['zstd', [1, 3, 6]],
  ['br', [1, 4, 5]],
  ['gzip', [1, 4, 6]],
];
/** What the configuration begins with. */
const USUAL: Readonly<Record<EncoderName, number>> = { zstd: 3, br: 4, gzip: 4 };

export interface SizeRow {
  readonly bytes: number;
  readonly coding: EncoderName;
  readonly level: number;
  readonly encodedBytes: number;
  /** CPU of the loop. */
  readonly hereUs: number;
  /** CPU of the loop when a thread does it; null for other levels than the usual. */
  readonly handedUs: number | null;
}

/** Measures all sizes, codings and levels. */
export async function measureSizes(): Promise<SizeRow[]> {
  const pool = new OffloadPool();
  pool.configure({ threads: 1, queueMax: 64 });
  const rows: SizeRow[] = [];
  for (const bytes of SIZES) {
    const body = recordsJson(bytes);
    const times = Math.max(20, Math.min(400, Math.floor(8_000_000 / bytes)));
    for (const [coding, levels] of CODINGS) {
      for (const level of levels) {
        const encodedBytes = encodeWhole(body, coding, level).byteLength;
        const hereUs = await cpuOf(times, () => encodeWhole(copyOf(body), coding, level));
        const isUsual = level === USUAL[coding];
        const hand = () => {
          const copy = copyOf(body);
          return pool.run('encode', { body: copy, coding, level }, [copy.buffer]);
        };
        const handedUs = isUsual ? await cpuOf(times, hand) : null;
        rows.push({ bytes, coding, level, encodedBytes, hereUs, handedUs });
      }
    }
  }
  await pool.close();
  return rows;
}

/** A Markdown table. */
export function describeSizes(rows: readonly SizeRow[]): string {
  const lines = [
    '| body | coding | left | in the loop | by a thread |',
    '|---:|---|---:|---:|---:|',
  ];
  for (const { bytes, coding, level, encodedBytes, hereUs, handedUs } of rows) {
    const left = `${((100 * encodedBytes) / bytes).toFixed(1)} %`;
    const handed = handedUs === null ? '' : `${handedUs.toFixed(0)} µs`;
    const size = `${bytes / 1024} KiB`;
    lines.push(`| ${size} | ${coding} ${level} | ${left} | ${hereUs.toFixed(0)} µs | ${handed} |`);
  }
  return lines.join('\n');
}

/** Median over batches of the CPU time of one call, in µs; what it returns is waited for. */
async function cpuOf(times: number, call: () => unknown): Promise<number> {
  for (let at = 0; at < 10; at++) await call();
  const batches: number[] = [];
  for (let batch = 0; batch < 5; batch++) {
    const before = mainThreadUs();
    for (let at = 0; at < times; at++) {
      const result = call();
      if (result instanceof Promise) await result;
    }
    batches.push((mainThreadUs() - before) / times);
  }
  return batches.sort((a, b) => a - b)[2]!;
}

function mainThreadUs(): number {
  const [ns] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(ns) / 1000;
}

function copyOf(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = Buffer.allocUnsafeSlow(body.byteLength);
  copy.set(body);
  return copy;
}
