// Byte ranges (RFC 9110 section 14), cut out of a body that is all there.

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

const RANGES_MAX = 16;
/** Parts nearer to each other than this cost less as one (section 15.3.7.2). */
const GAP_BYTES = 80;
const SPEC = /^(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/**
 * Returns the ranges to send, overlapping ones joined; null to ignore the field (malformed, another unit,
 * too many, more than the whole); an empty list when none of them can be satisfied.
 */
export function parseByteRanges(field: string, bodyBytes: number): readonly ByteRange[] | null {
  if (!/^bytes=/i.test(field)) return null;
  const specs = field.slice('bytes='.length).split(',');
  if (specs.length > RANGES_MAX) return null;
  const ranges: ByteRange[] = [];
  for (const written of specs) {
    const spec = SPEC.exec(written.trim());
    if (spec === null) return null;
    const range = rangeOf(spec, bodyBytes);
    if (range === null) return null;
    if (range.first <= range.last) ranges.push(range);
  }
  const joined = ranges.length < 2 ? ranges : join(ranges);
  return joined.length > 1 && bytesOf(joined) >= bodyBytes ? null : joined;
}

/** An unsatisfiable range ends before it begins; null when it is malformed. */
function rangeOf(
  [, first, last = '', suffix]: RegExpExecArray,
  bodyBytes: number,
): ByteRange | null {
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), bodyBytes);
    return { first: bodyBytes - length, last: bodyBytes - 1 };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return null;
  const to = last === '' ? bodyBytes - 1 : Math.min(Number(last), bodyBytes - 1);
  return { first: from, last: to };
}

/** In the order of the bodies' bytes when some of them touch, else in the client's (section 15.3.7.2). */
function join(ranges: readonly ByteRange[]): ByteRange[] {
  const joined: { first: number; last: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (before !== undefined && range.first <= before.last + GAP_BYTES) {
      before.last = Math.max(before.last, range.last);
    } else {
      joined.push({ ...range });
    }
  }
  return joined.length === ranges.length ? [...ranges] : joined;
}

function bytesOf(ranges: readonly ByteRange[]): number {
  let bytes = 0;
  for (const { first, last } of ranges) bytes += last - first + 1;
  return bytes;
}

/** The body of a multipart/byteranges answer: what stands between the ranges, and these; and its length. */
export interface Multipart {
  readonly parts: readonly (Uint8Array | ByteRange)[];
  readonly byteLength: number;
}

/** Returns the parts of an answer of `bodyBytes`; `boundary` must not occur in it. */
export function multipartOf(
  ranges: readonly ByteRange[],
  bodyBytes: number,
  { boundary, contentType }: { readonly boundary: string; readonly contentType: string },
): Multipart {
  const parts: (Uint8Array | ByteRange)[] = [];
  let byteLength = bytesOf(ranges);
  const add = (text: string) => {
    parts.push(Buffer.from(text, 'latin1'));
    byteLength += text.length;
  };
  const type = contentType === '' ? '' : `content-type: ${contentType}\r\n`;
  for (const range of ranges) {
    const field = `content-range: bytes ${range.first}-${range.last}/${bodyBytes}`;
    add(`\r\n--${boundary}\r\n${type}${field}\r\n\r\n`);
    parts.push(range);
  }
  add(`\r\n--${boundary}--\r\n`);
  return { parts, byteLength };
}
