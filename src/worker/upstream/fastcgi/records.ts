// The records of FastCGI 1.0: writes those of a web server, reads those of an application. What the
// numbers mean is in section 8 of the specification.

/** Role and flags of a request. */
const VERSION = 1;
const BEGIN_REQUEST = 1;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const STDERR = 7;
const RESPONDER = 1;
const KEEP_CONNECTION = 1;

const HEADER_BYTES = 8;
const CONTENT_BYTES_MAX = 65_535;
/** One request at a time on a connection, so always the same id; 0 is for management records. */
const REQUEST_ID = 1;
const LONG_LENGTH_BIT = 0x8000_0000;
const SHORT_LENGTH_MAX = 127;

/** How an application ended a request (section 5.5). */
export const PROTOCOL_COMPLETE = 0;
export const PROTOCOL_OVERLOADED = 2;

const NOTHING = Buffer.alloc(0);

/** Returns the records that begin a request and name its parameters; `pairs` are byte strings. */
export function requestHead(pairs: readonly string[], keepsConnection: boolean): Buffer {
  const begin = Buffer.alloc(HEADER_BYTES + 8);
  writeHeader(begin, 0, BEGIN_REQUEST, 8);
  begin.writeUInt16BE(RESPONDER, HEADER_BYTES);
  begin[HEADER_BYTES + 2] = keepsConnection ? KEEP_CONNECTION : 0;
  return Buffer.concat([begin, ...records(PARAMS, encodePairs(pairs)), header(PARAMS, 0)]);
}

/** Returns a piece of the request body as records; `chunk` is copied. */
export function stdinRecords(chunk: Uint8Array): Buffer {
  return Buffer.concat([...records(STDIN, chunk)]);
}

/** Returns the record after the last piece of the request body. */
export function stdinEnd(): Buffer {
  return header(STDIN, 0);
}

function* records(type: number, content: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < content.length; at += CONTENT_BYTES_MAX) {
    const piece = content.subarray(at, at + CONTENT_BYTES_MAX);
    yield header(type, piece.length);
    yield piece;
  }
}

function header(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  writeHeader(bytes, 0, type, length);
  return bytes;
}

function writeHeader(bytes: Buffer, at: number, type: number, length: number): void {
  bytes[at] = VERSION;
  bytes[at + 1] = type;
  bytes.writeUInt16BE(REQUEST_ID, at + 2);
  bytes.writeUInt16BE(length, at + 4);
}

/** Encodes names and values with their lengths in front (section 3.4). */
function encodePairs(pairs: readonly string[]): Buffer {
  let length = 0;
  for (const text of pairs) length += text.length + (text.length > SHORT_LENGTH_MAX ? 4 : 1);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (let pair = 0; pair < pairs.length; pair += 2) {
    at = writeLength(bytes, at, pairs[pair]!.length);
    at = writeLength(bytes, at, pairs[pair + 1]!.length);
    at += bytes.write(pairs[pair]!, at, 'latin1');
    at += bytes.write(pairs[pair + 1]!, at, 'latin1');
  }
  return bytes;
}

function writeLength(bytes: Buffer, at: number, length: number): number {
  if (length <= SHORT_LENGTH_MAX) return bytes.writeUInt8(length, at);
  return bytes.writeUInt32BE(length + LONG_LENGTH_BIT, at);
}

/** Is told what an application sends. */
export interface RecordHost {
  /** Bytes of the response, valid only during the call. */
  onStdout(bytes: Buffer): void;
  /** Bytes for the operator, valid only during the call. */
  onStderr(bytes: Buffer): void;
  /** The request is over; see PROTOCOL_COMPLETE. */
  onEnd(protocolStatus: number): void;
  /** What came is no FastCGI; nothing more will be told. */
  onMalformed(problem: string): void;
}

/** Reads records however they are cut; content is handed on as it comes, not gathered. */
export class RecordReader {
  readonly #host: RecordHost;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #contentLeft = 0;
  #paddingLeft = 0;
  /** The content of an END_REQUEST, which may come in pieces. */
  #end: Buffer = NOTHING;
  #isOver = false;
  #isBroken = false;

  constructor(host: RecordHost) {
    this.#host = host;
  }

  /** The END_REQUEST with its padding was the last that came. */
  get isAtEnd(): boolean {
    return this.#isOver && !this.#isBroken && this.#paddingLeft === 0;
  }

  receive(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#isBroken) {
      if (this.#contentLeft > 0) at += this.#takeContent(bytes, at);
      else if (this.#paddingLeft > 0) at += this.#skipPadding(bytes.length - at);
      else if (this.#isOver) this.#isBroken = true;
      else at += this.#takeHeader(bytes, at);
    }
  }

  #takeHeader(bytes: Buffer, from: number): number {
    const taken = bytes.copy(this.#header, this.#headerBytes, from);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return taken;
    this.#headerBytes = 0;
    const id = this.#header.readUInt16BE(2);
    this.#type = this.#header[1]!;
    this.#contentLeft = this.#header.readUInt16BE(4);
    this.#paddingLeft = this.#header[6]!;
    this.#end = NOTHING;
    if (this.#header[0] !== VERSION) this.#refuse('not a FastCGI record');
    // Management records (id 0) are answers to questions that are never asked: skipped.
    else if (id !== REQUEST_ID && id !== 0) this.#refuse(`a record of request ${id}`);
    else if (this.#type === END_REQUEST && this.#contentLeft !== 8) {
      this.#refuse(`an END_REQUEST of ${this.#contentLeft} bytes`);
    }
    return taken;
  }

  #takeContent(bytes: Buffer, from: number): number {
    const taken = Math.min(this.#contentLeft, bytes.length - from);
    const content = bytes.subarray(from, from + taken);
    this.#contentLeft -= taken;
    if (this.#type === STDOUT) this.#host.onStdout(content);
    else if (this.#type === STDERR) this.#host.onStderr(content);
    else if (this.#type === END_REQUEST) this.#takeEnd(content);
    return taken;
  }

  #takeEnd(content: Buffer): void {
    this.#end = Buffer.concat([this.#end, content]);
    if (this.#contentLeft > 0) return;
    this.#isOver = true;
    this.#host.onEnd(this.#end[4]!);
  }

  #skipPadding(available: number): number {
    const skipped = Math.min(this.#paddingLeft, available);
    this.#paddingLeft -= skipped;
    return skipped;
  }

  #refuse(problem: string): void {
    this.#isBroken = true;
    this.#host.onMalformed(problem);
  }
}
