// The engine corks a connection by itself while it reports what came on it: all that is written until its
// callback is over, microtasks included, goes into one cork. What does not fit there may be lost when the
// socket is full (FACTS, finding 2), so a chunked body may put so much into it and no more.

import { limits } from '../../../core/limits.ts';

/** Size line and two line ends of a chunk. */
const CHUNK_FRAME_BYTES = 12;

/** Whoever heard from the engine last: it may be in that callback still. */
let owner: object | null = null;
let usedBytes = 0;

/** The engine reports something of the connection that `sink` answers on. */
export function enterEvent(sink: object): void {
  owner = sink;
  usedBytes = 0;
}

/** The callback of the last event of `sink` is certainly over. */
export function leaveEvent(sink: object): void {
  if (owner === sink) owner = null;
}

/** Takes room for a chunk; false: it has to wait until the event is over. The first one always fits. */
export function takeCorkRoom(sink: object, chunkBytes: number): boolean {
  if (owner !== sink) return true;
  const bytes = usedBytes + chunkBytes + CHUNK_FRAME_BYTES;
  if (usedBytes > 0 && bytes > limits.corkWriteBytes) return false;
  usedBytes = bytes;
  return true;
}
