// The task that compresses a whole body with brotli and a dictionary (RFC 9841: a raw prefix). node:zlib of
// Node 22 takes none for brotli, so this is the reference encoder as JavaScript, out of the package `brotli`.
//
// That package has a function for it, which never frees the dictionary; so this drives the encoder inside.

interface Encoder {
  /** Its memory: 304 MiB of addresses, of which it touches 60 at most at the levels that are used here. */
  readonly HEAPU8: Uint8Array;
  /** Returns where so many bytes are; 0 when there is no room. */
  _malloc(byteLength: number): number;
  _free(at: number): void;
  /** Returns how many bytes came out; -1 when it failed. Throws a text when there are more than `capacity`. */
  _encodeWithDictionary(
    level: number,
    windowBits: number,
    mode: number,
    bodyLength: number,
    bodyAt: number,
    dictionaryLength: number,
    dictionaryAt: number,
    capacity: number,
    resultAt: number,
  ): number;
}

export interface DcbPayload {
  readonly body: Uint8Array;
  readonly dictionary: Uint8Array;
  readonly level: number;
}

/** Body and dictionary must lie in one window: 4 MiB. */
const WINDOW_BITS = 22;
const MODE_GENERIC = 0;
/** Below 5 it makes nothing of a dictionary, or what nobody can read (2 and 3); above 9 it takes 4 times as long. */
const LEVEL_LEAST = 5;
const LEVEL_MOST = 9;
/** What can't be made shorter becomes a little longer: 4 bytes each 16 KiB. */
const SLACK_SHARE = 1 / 1024;
const SLACK_BYTES = 1024;

const encoder = await createEncoder();
let isBroken = false;

/** Returns the compressed body, or the body itself when that is no longer; throws when there is no room. */
export function encodeDcb(work: DcbPayload): Uint8Array {
  const { body, dictionary } = work;
  if (isBroken) throw new Error('the encoder has failed before');
  const level = Math.min(LEVEL_MOST, Math.max(LEVEL_LEAST, work.level));
  const capacity = Math.ceil(body.byteLength * (1 + SLACK_SHARE)) + SLACK_BYTES;
  const memory = [body.byteLength, dictionary.byteLength, capacity].map(encoder._malloc);
  const [bodyAt, dictionaryAt, resultAt] = memory as [number, number, number];
  // Until it has ended well nobody knows what it has left behind.
  isBroken = true;
  if (memory.includes(0)) throw new Error('the encoder has no memory');
  encoder.HEAPU8.set(body, bodyAt);
  encoder.HEAPU8.set(dictionary, dictionaryAt);
  const length = encoder._encodeWithDictionary(
    level,
    WINDOW_BITS,
    MODE_GENERIC,
    body.byteLength,
    bodyAt,
    dictionary.byteLength,
    dictionaryAt,
    capacity,
    resultAt,
  );
  const isShorter = length > 0 && length < body.byteLength;
  const result = isShorter ? encoder.HEAPU8.slice(resultAt, resultAt + length) : body;
  for (const at of memory) encoder._free(at);
  isBroken = false;
  return result;
}

async function createEncoder(): Promise<Encoder> {
  const inside = new URL('build/encode.js', import.meta.resolve('brotli/compress'));
  const { default: create } = (await import(inside.href)) as { default: () => Promise<Encoder> };
  return create();
}
