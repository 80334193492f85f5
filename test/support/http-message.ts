// Reading HTTP/1.1 messages off recorded bytes, for the scripted origins and raw clients. Heads are read
// strictly (CRLF only) on request and leniently otherwise; nothing here is code of the proxy.

/** Name, value pairs exactly as on the wire: case, order and duplicates kept; latin1 strings. */
export type FieldList = readonly (readonly [name: string, value: string])[];

export interface MessageHead {
  readonly startLine: string;
  readonly fields: FieldList;
  /** Offset of the first body byte. */
  readonly bodyAt: number;
}

export interface MessageBody {
  readonly body: Buffer;
  readonly trailers: FieldList;
  /** Offset of the first byte after the message. */
  readonly endAt: number;
  /** Sizes of the chunks as they were sent, or null when the body was not chunked. */
  readonly chunkSizes: readonly number[] | null;
}

export class MalformedMessage extends Error {}

/** Reads a head that begins at `at`; null when it is not complete yet. */
export function readHead(bytes: Buffer, at: number): MessageHead | null {
  const endAt = bytes.indexOf('\r\n\r\n', at, 'latin1');
  if (endAt < 0) return null;
  const lines = bytes.toString('latin1', at, endAt).split('\r\n');
  return { startLine: lines[0] ?? '', fields: readFields(lines.slice(1)), bodyAt: endAt + 4 };
}

/** Returns all values of a field, ignoring the case of its name. */
export function fieldValues(fields: FieldList, name: string): string[] {
  const wanted = name.toLowerCase();
  return fields.filter(([field]) => field.toLowerCase() === wanted).map(([, value]) => value);
}

/** Returns the only value of a field, undefined when absent; throws when it is there twice. */
export function fieldValue(fields: FieldList, name: string): string | undefined {
  const values = fieldValues(fields, name);
  if (values.length > 1) throw new MalformedMessage(`${values.length} ${name} fields`);
  return values[0];
}

/** Reads a body of declared length; null when it is not complete yet. */
export function readSizedBody(bytes: Buffer, at: number, byteLength: number): MessageBody | null {
  if (bytes.length - at < byteLength) return null;
  const body = Buffer.from(bytes.subarray(at, at + byteLength));
  return { body, trailers: [], endAt: at + byteLength, chunkSizes: null };
}

/** Reads a chunked body (RFC 9112 section 7.1), strictly; null when it is not complete yet. */
export function readChunkedBody(bytes: Buffer, bodyAt: number): MessageBody | null {
  const parts: Buffer[] = [];
  for (let at = bodyAt; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[0-9A-Fa-f]+(?:[ \t]*;.*)?$/.test(line)) {
      throw new MalformedMessage(`bad chunk size line ${JSON.stringify(line)}`);
    }
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const trailers = readTrailers(bytes, at);
      if (trailers === null) return null;
      const chunkSizes = parts.map((part) => part.length);
      return { body: Buffer.concat(parts), chunkSizes, ...trailers };
    }
    if (bytes.length < at + size + 2) return null;
    if (bytes.toString('latin1', at + size, at + size + 2) !== '\r\n') {
      throw new MalformedMessage('chunk data is not followed by CRLF');
    }
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}

function readTrailers(bytes: Buffer, at: number): { trailers: FieldList; endAt: number } | null {
  if (bytes.toString('latin1', at, at + 2) === '\r\n') return { trailers: [], endAt: at + 2 };
  const endAt = bytes.indexOf('\r\n\r\n', at, 'latin1');
  if (endAt < 0) return null;
  const lines = bytes.toString('latin1', at, endAt).split('\r\n');
  return { trailers: readFields(lines), endAt: endAt + 4 };
}

function readFields(lines: readonly string[]): FieldList {
  return lines.map((line) => {
    const colonAt = line.indexOf(':');
    if (colonAt <= 0) throw new MalformedMessage(`bad header line ${JSON.stringify(line)}`);
    return [line.slice(0, colonAt), line.slice(colonAt + 1).trim()] as const;
  });
}
