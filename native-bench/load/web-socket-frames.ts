// The little of RFC 6455 that a load generator needs: one masked frame to send, and how many complete
// frames without mask lie in a stream of bytes.

/** Returns a masked text frame of `bytes` (at most 125) octets. */
export function maskedFrame(bytes: number): Buffer {
  const mask = [0x12, 0x34, 0x56, 0x78];
  const payload = Array.from({ length: bytes }, (_, at) => 0x61 ^ mask[at & 3]!);
  return Buffer.from([0x81, 0x80 | bytes, ...mask, ...payload]);
}

/** Counts frames from a server as their bytes come in; never keeps more than a header. */
export class FrameCounter {
  #header: number[] = [];
  #payloadLeft = 0;

  /** Takes the next bytes and returns how many frames ended in them. Control frames count as well. */
  take(chunk: Uint8Array): number {
    let ended = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= taken;
        at += taken;
        if (this.#payloadLeft === 0) ended += 1;
        continue;
      }
      this.#header.push(chunk[at]!);
      at += 1;
      const length = payloadLength(this.#header);
      if (length === null) continue;
      this.#header = [];
      this.#payloadLeft = length;
      if (length === 0) ended += 1;
    }
    return ended;
  }
}

/** Returns the length of the payload once the header is complete, else null. */
function payloadLength(header: readonly number[]): number | null {
  const short = (header[1] ?? 0) & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  if (header.length < 2 + extended) return null;
  if (extended === 0) return short;
  return header.slice(2).reduce((length, octet) => length * 256 + octet, 0);
}
