// Writes ASN.1 in its distinguished encoding (X.690): the few types that certificates are made of. It reads
// nothing: node:crypto does.

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0x80;
const CONTEXT_CONSTRUCTED = 0xa0;
/** From this year on dates have four digits for it (RFC 5280 section 4.1.2.5). */
const LONG_YEARS_FROM = 2050;
const PEM_COLUMNS = 64;

/** Writes an element of tag and content. */
function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

export function sequence(...elements: readonly Uint8Array[]): Buffer {
  return element(SEQUENCE, ...elements);
}

/** Writes a SET of one element; more would have to be sorted. */
export function setOf(only: Uint8Array): Buffer {
  return element(SET, only);
}

export function boolean(value: boolean): Buffer {
  return element(BOOLEAN, Buffer.from([value ? 0xff : 0]));
}

/** Writes a number ≥ 0, given as octets, the highest first. */
export function integer(octets: Uint8Array): Buffer {
  const from = octets.findIndex((octet) => octet !== 0);
  const digits = from === -1 ? Buffer.from([0]) : Buffer.from(octets.subarray(from));
  // The highest bit would make it negative.
  return element(INTEGER, ...(digits[0]! >= 0x80 ? [Buffer.from([0])] : []), digits);
}

/** Writes bits; the last `unusedBits` of the last octet are none. */
export function bitString(octets: Uint8Array, unusedBits = 0): Buffer {
  return element(BIT_STRING, Buffer.from([unusedBits]), octets);
}

export function octetString(octets: Uint8Array): Buffer {
  return element(OCTET_STRING, octets);
}

export function utf8String(text: string): Buffer {
  return element(UTF8_STRING, Buffer.from(text, 'utf8'));
}

/** Writes an object identifier such as `2.5.4.3`. */
export function objectId(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  return element(OBJECT_ID, Buffer.from([first! * 40 + second!, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octets.unshift(0x80 | (rest % 128));
  }
  return octets;
}

/** Writes a moment (Unix time in ms) in whole seconds, as certificates do. */
export function time(atMs: number): Buffer {
  const date = new Date(atMs);
  const text = `${date.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`;
  const isLong = date.getUTCFullYear() >= LONG_YEARS_FROM;
  return element(isLong ? GENERALIZED_TIME : UTC_TIME, Buffer.from(isLong ? text : text.slice(2)));
}

/** Writes `[number]` around elements. */
export function tagged(number: number, ...elements: readonly Uint8Array[]): Buffer {
  return element(CONTEXT_CONSTRUCTED | number, ...elements);
}

/** Writes `[number] IMPLICIT` of a type that has no parts. */
export function taggedOctets(number: number, octets: Uint8Array): Buffer {
  return element(CONTEXT | number, octets);
}

/** Returns the PEM text (RFC 7468) of an encoding. */
export function pemOf(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  const lines = base64.match(new RegExp(`.{1,${PEM_COLUMNS}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
