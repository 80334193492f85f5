// The client's address as text, from the 4 or 16 bytes that the engine gives. Known addresses come out of
// a bounded table: formatting one costs more than looking it up.

const ADDRESSES_KEPT = 4096;

const v4ByWord = new Map<number, string>();
const v6ByBytes = new Map<string, string>();

/** Third word of `::ffff:a.b.c.d` in this machine's byte order. */
const MAPPED_WORD = new Uint32Array(Uint8Array.of(0, 0, 0xff, 0xff).buffer)[0]!;

/**
 * Returns the canonical text of an address: dotted IPv4 (also for IPv4-mapped IPv6, which is what a
 * dual-stack socket gives), else IPv6 as RFC 5952 wants it. '' when there is none (unix sockets).
 */
export function addressText(binary: ArrayBuffer): string {
  const length = binary.byteLength;
  if (length !== 4 && length !== 16) return '';
  const words = new Uint32Array(binary);
  if (length === 4) return v4Text(words[0]!, binary);
  if (words[0] === 0 && words[1] === 0 && words[2] === MAPPED_WORD) {
    return v4Text(words[3]!, binary);
  }
  const key = Buffer.from(binary).toString('latin1');
  const known = v6ByBytes.get(key);
  if (known !== undefined) return known;
  const text = formatV6(new DataView(binary));
  if (v6ByBytes.size >= ADDRESSES_KEPT) v6ByBytes.clear();
  v6ByBytes.set(key, text);
  return text;
}

function v4Text(word: number, binary: ArrayBuffer): string {
  const known = v4ByWord.get(word);
  if (known !== undefined) return known;
  const text = new Uint8Array(binary, binary.byteLength - 4).join('.');
  if (v4ByWord.size >= ADDRESSES_KEPT) v4ByWord.clear();
  v4ByWord.set(word, text);
  return text;
}

/** RFC 5952: lower-case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function formatV6(view: DataView): string {
  let runAt = -1;
  let runLength = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && view.getUint16(end * 2) === 0) end += 1;
    if (end - at > runLength) {
      runAt = at;
      runLength = end - at;
    }
    if (end > at) at = end - 1;
  }
  let text = '';
  for (let at = 0; at < 8; at++) {
    if (at === runAt) {
      text += '::';
      at += runLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += view.getUint16(at * 2).toString(16);
  }
  return text;
}
