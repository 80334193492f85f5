// A metrics snapshot on its way through bounded frames: cut into parts by the worker, put together by
// the sidecar. What is in it is the business of src/observe.

import { type MetricsPart, metricsBytesMax, metricsPartBytes } from './messages.ts';

/** Returns the messages that answer a scrape; one without parts when there is no snapshot to send. */
export function metricsMessages(id: number, snapshot: () => Uint8Array | null): MetricsPart[] {
  const bytes = bytesOf(snapshot);
  if (bytes === null) {
    return [{ kind: 'metrics', id, part: 0, parts: 0, bytes: new Uint8Array(0) }];
  }
  const parts = Math.ceil(bytes.length / metricsPartBytes);
  return Array.from({ length: parts }, (_, part) => {
    const from = part * metricsPartBytes;
    return {
      kind: 'metrics',
      id,
      part,
      parts,
      bytes: bytes.subarray(from, from + metricsPartBytes),
    };
  });
}

/** A worker must not die of being watched: without a snapshot the sidecar reports it as missing. */
function bytesOf(snapshot: () => Uint8Array | null): Uint8Array | null {
  try {
    const bytes = snapshot();
    return bytes === null || bytes.length === 0 || bytes.length > metricsBytesMax ? null : bytes;
  } catch {
    return null;
  }
}

/** Collects the parts of one answer. */
export class MetricsParts {
  readonly #parts: Uint8Array[] = [];

  /** Returns the snapshot when this was the last part, null when it is not to be had, else undefined. */
  add(message: MetricsPart): Uint8Array | null | undefined {
    if (message.parts === 0 || message.part !== this.#parts.length) return null;
    this.#parts.push(message.bytes);
    return this.#parts.length < message.parts ? undefined : Buffer.concat(this.#parts);
  }
}
