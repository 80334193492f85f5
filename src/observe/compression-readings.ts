// What workers tell about compression and their threads: numbers that only grow, and how they are shown.

import type { CompressionCounters } from '../core/compression.ts';
import type { OffloadCounters } from '../core/offload.ts';

/** Part of a worker's readings. */
export interface CompressionReadings {
  readonly zstdResponses: number;
  readonly zstdBytesIn: number;
  readonly zstdBytesOut: number;
  readonly brResponses: number;
  readonly brBytesIn: number;
  readonly brBytesOut: number;
  readonly gzipResponses: number;
  readonly gzipBytesIn: number;
  readonly gzipBytesOut: number;
  readonly dczResponses: number;
  readonly dczBytesIn: number;
  readonly dczBytesOut: number;
  readonly dcbResponses: number;
  readonly dcbBytesIn: number;
  readonly dcbBytesOut: number;
  readonly compressionsSkipped: number;
  readonly bodiesDecoded: number;
  readonly bodiesUndecodable: number;
  readonly tasksDone: number;
  readonly tasksFailed: number;
  readonly tasksRefused: number;
}

export const NO_COMPRESSION_READINGS: CompressionReadings = {
  zstdResponses: 0,
  zstdBytesIn: 0,
  zstdBytesOut: 0,
  brResponses: 0,
  brBytesIn: 0,
  brBytesOut: 0,
  gzipResponses: 0,
  gzipBytesIn: 0,
  gzipBytesOut: 0,
  dczResponses: 0,
  dczBytesIn: 0,
  dczBytesOut: 0,
  dcbResponses: 0,
  dcbBytesIn: 0,
  dcbBytesOut: 0,
  compressionsSkipped: 0,
  bodiesDecoded: 0,
  bodiesUndecodable: 0,
  tasksDone: 0,
  tasksFailed: 0,
  tasksRefused: 0,
};

/** Reads the counters out. */
export function compressionReadings(
  { codings, skipped, decoded, undecodable }: CompressionCounters,
  tasks: Readonly<OffloadCounters>,
): CompressionReadings {
  const { zstd, br, gzip, dcz, dcb } = codings;
  return {
    zstdResponses: zstd.responses,
    zstdBytesIn: zstd.bytesIn,
    zstdBytesOut: zstd.bytesOut,
    brResponses: br.responses,
    brBytesIn: br.bytesIn,
    brBytesOut: br.bytesOut,
    gzipResponses: gzip.responses,
    gzipBytesIn: gzip.bytesIn,
    gzipBytesOut: gzip.bytesOut,
    dczResponses: dcz.responses,
    dczBytesIn: dcz.bytesIn,
    dczBytesOut: dcz.bytesOut,
    dcbResponses: dcb.responses,
    dcbBytesIn: dcb.bytesIn,
    dcbBytesOut: dcb.bytesOut,
    compressionsSkipped: skipped,
    bodiesDecoded: decoded,
    bodiesUndecodable: undecodable,
    tasksDone: tasks.done,
    tasksFailed: tasks.failed,
    tasksRefused: tasks.refused,
  };
}

const CODINGS = ['zstd', 'br', 'gzip', 'dcz', 'dcb'] as const;

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Where families of metrics go. */
export interface CounterText {
  add(name: string, type: string, help: string, samples: readonly Sample[]): void;
}

/** Renders the readings. */
export function addCompression(text: CounterText, readings: CompressionReadings): void {
  const counter = (name: string, help: string, samples: readonly Sample[]) =>
    text.add(name, 'counter', help, samples);
  const byCoding = (what: 'Responses' | 'BytesIn' | 'BytesOut'): Sample[] =>
    CODINGS.map((coding) => [{ coding }, readings[`${coding}${what}`]]);
  counter('compressed_responses_total', 'Responses compressed, by coding.', byCoding('Responses'));
  counter('compression_in_bytes_total', 'Their bodies before.', byCoding('BytesIn'));
  counter('compression_out_bytes_total', 'Their bodies after.', byCoding('BytesOut'));
  const skipped = readings.compressionsSkipped;
  const why = 'Sent as they were because threads or streams were all taken.';
  counter('compressions_skipped_total', why, [[{}, skipped]]);
  counter('decoded_responses_total', 'Decoded for the client, or not decodable.', [
    [{ outcome: 'decoded' }, readings.bodiesDecoded],
    [{ outcome: 'undecodable' }, readings.bodiesUndecodable],
  ]);
  counter('offloaded_tasks_total', 'Tasks for threads beside the event loop.', [
    [{ outcome: 'done' }, readings.tasksDone],
    [{ outcome: 'failed' }, readings.tasksFailed],
    [{ outcome: 'refused' }, readings.tasksRefused],
  ]);
}
