// Header fields as plugins read and change them. What could end a field, begin another or frame a message is
// refused by an exception, which is an error of the plugin.

import { OWN_FIELDS, type RawHeaders } from '../../core/headers.ts';

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Returns the name as fields have it. Throws a TypeError. */
export function checkedName(name: string): string {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new TypeError(`expected the name of a header field, got '${name}'`);
  }
  const lower = name.toLowerCase();
  if (OWN_FIELDS.has(lower)) throw new TypeError(`the field ${lower} is set by the proxy itself`);
  return lower;
}

/** Returns the value. Throws a TypeError. */
export function checkedValue(value: string): string {
  if (typeof value === 'string' && !NO_VALUE.test(value)) return value;
  const hint =
    'one character is one octet, octets(text) encodes others, and there are no line ends';
  throw new TypeError(`expected a field value: ${hint}`);
}

/** Returns names and values in pairs. */
export function fieldPairs(headers: RawHeaders): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at]!, headers[at + 1]!]);
  return pairs;
}

/** Returns the fields without those of the name (lower-case). */
export function withoutField(headers: RawHeaders, name: string): RawHeaders {
  const kept: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}
