// Malformed and treacherous responses of peers, each with the attack and what must come of it. Run
// against the transport alone (test/unit/worker/upstream/http1) and through the whole proxy.

/** What a client gets: a 502 of the proxy, a response that visibly breaks off, or the response. */
export type ResponseOutcome = '502' | 'broken' | 'ok';

export interface ResponseCase {
  readonly name: string;
  /** What the peer, or whoever controls a part of its answer, gains if this is believed. */
  readonly attack: string;
  /** Latin1; one character is one octet. */
  readonly bytes: string;
  /** Method of the request that it answers; GET when absent. */
  readonly method?: 'GET' | 'HEAD';
  /** The peer closes after the bytes; else it waits. */
  readonly closes?: boolean;
  readonly outcome: ResponseOutcome;
  /** Body that must arrive when the outcome is ok. */
  readonly body?: string;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const NEXT = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison';

const STATUS_LINE: readonly ResponseCase[] = [
  refused('HTTP/0.9 body', 'bytes without a head are taken for a page', '<html>hello</html>'),
  refused('HTTP/2 preface', 'the peer speaks another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('HTTP/2 SETTINGS frame', 'binary is taken for text', '\0\0\0\x04\0\0\0\0\0'),
  refused('TLS alert', 'binary is taken for text', '\x15\x03\x03\0\x02\x02\x46'),
  refused('SSH banner', 'another service behind the port', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'),
  refused('lower-case version', 'parsers that ignore case disagree', 'http/1.1 200 OK\r\n\r\n'),
  refused('version 2.0', 'a version that this is not', 'HTTP/2.0 200 OK\r\n\r\n'),
  refused('version 1.2', 'an unknown minor version', 'HTTP/1.2 200 OK\r\n\r\n'),
  refused('version 1.10', 'digits beyond one are cut off', 'HTTP/1.10 200 OK\r\n\r\n'),
  refused('version 1,1', 'sloppy separators', 'HTTP/1,1 200 OK\r\n\r\n'),
  refused('leading space', 'skipped by some, not by others', ' HTTP/1.1 200 OK\r\n\r\n'),
  refused('leading empty line', 'left over from a response before', `\r\n${OK}\r\n`),
  refused('two spaces before the status', 'fields shift', 'HTTP/1.1  200 OK\r\n\r\n'),
  refused('tab before the status', 'sloppy white space', 'HTTP/1.1\t200 OK\r\n\r\n'),
  refused('no status', 'a default status is made up', 'HTTP/1.1 OK\r\n\r\n'),
  refused('two digits', 'a status that is none', 'HTTP/1.1 20 OK\r\n\r\n'),
  refused('four digits', 'cut to 200 by some', 'HTTP/1.1 2000 OK\r\n\r\n'),
  refused('status 099', 'neither interim nor final', 'HTTP/1.1 099 Odd\r\n\r\n'),
  refused('status 600', 'no class to handle it by', 'HTTP/1.1 600 Odd\r\n\r\n'),
  refused('status 999', 'no class to handle it by', 'HTTP/1.1 999 Odd\r\n\r\n'),
  refused('negative status', 'read as a number', 'HTTP/1.1 -20 Odd\r\n\r\n'),
  refused('hexadecimal status', 'read as a number', 'HTTP/1.1 0xC OK\r\n\r\n'),
  refused('bare CR in the reason', 'a line end to some', 'HTTP/1.1 200 O\rK\r\n\r\n'),
  refused('NUL in the reason', 'cuts the line in C', 'HTTP/1.1 200 O\0K\r\n\r\n'),
  refused('LF only', 'line ends disagree', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
];

const FIELDS: readonly ResponseCase[] = [
  field('space before the colon', 'hides the name from some', 'Content-Length : 2'),
  field('tab before the colon', 'hides the name from some', 'Content-Length\t: 2'),
  field('no colon', 'the line is skipped or joined', 'Content-Length 2'),
  field('empty name', 'nobody can filter it', ': value'),
  field('space in the name', 'two names to some', 'X Name: value'),
  field('NUL in the name', 'cuts the name in C', 'X\0-Name: value'),
  field('octet above 127 in the name', 'not a token', 'X-\u00e9: value'),
  field('parentheses in the name', 'not a token', 'X(1): value'),
  field('NUL in a value', 'cuts the value in C', 'X-Name: a\0b'),
  field('bare CR in a value', 'a line end to some: response splitting', 'X-Name: a\rSet-Cookie: b'),
  field('bare LF in a value', 'a line end to some: response splitting', 'X-Name: a\nSet-Cookie: b'),
  field('escape character in a value', 'terminal control', 'X-Name: \x1b[2J'),
  field('DEL in a value', 'a control character', 'X-Name: a\x7f'),
  field('folded value', 'obs-fold hides a field from some', 'X-Name: a\r\n Content-Length: 9'),
  field('folded first line', 'a fold with nothing before it', ' X-Name: a'),
  field('CR CR LF', 'an empty line to some', 'X-Name: a\r\r\nX-B: b'),
];

const LENGTHS: readonly ResponseCase[] = [
  field('two lengths', 'each side believes another', 'Content-Length: 2\r\nContent-Length: 3'),
  field('two equal lengths', 'a sign of smuggling', 'Content-Length: 2\r\nContent-Length: 2'),
  field('a list of lengths', 'each side believes another', 'Content-Length: 2, 2'),
  field('empty length', 'zero, or until close', 'Content-Length:'),
  field('signed length', 'read as a number', 'Content-Length: +2'),
  field('negative length', 'underflow', 'Content-Length: -2'),
  field('hexadecimal length', '0x10 is 0 or 16', 'Content-Length: 0x2'),
  field('fraction', 'read as a number', 'Content-Length: 2.0'),
  field('exponent', 'read as a number', 'Content-Length: 2e0'),
  field('inner space', '2 or 20', 'Content-Length: 2 0'),
  field('length beyond 2^53', 'overflow', 'Content-Length: 9007199254740993'),
  field('length beyond 2^64', 'overflow to a small one', 'Content-Length: 18446744073709551618'),
  field(
    'length and chunked',
    'the classic of smuggling',
    'Content-Length: 2\r\nTransfer-Encoding: chunked',
  ),
  field('unknown coding', 'framing that nobody knows', 'Transfer-Encoding: gzip'),
  field('gzip before chunked', 'decoded by one side only', 'Transfer-Encoding: gzip, chunked'),
  field('chunked twice', 'chunks in chunks', 'Transfer-Encoding: chunked, chunked'),
  field(
    'chunked in two fields',
    'chunks in chunks',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  ),
  field('chunked not last', 'the end is the close', 'Transfer-Encoding: chunked, identity'),
  field('quoted coding', 'chunked to some', 'Transfer-Encoding: "chunked"'),
  field('coding with parameter', 'chunked to some', 'Transfer-Encoding: chunked;q=1'),
  field('vertical tab before chunked', 'chunked to some', 'Transfer-Encoding: \x0bchunked'),
  field('empty coding', 'no coding to some', 'Transfer-Encoding:'),
  refused(
    'chunked in HTTP/1.0',
    'the old side sees no chunks',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
];

const INTERIM: readonly ResponseCase[] = [
  refused(
    'unasked 101',
    'opens a tunnel',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
  ),
  refused(
    'interim response with a length',
    'its body is the next response',
    `HTTP/1.1 103 Early Hints\r\nContent-Length: ${NEXT.length}\r\n\r\n${NEXT}`,
  ),
  refused(
    'interim response with chunks',
    'its body is the next response',
    'HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
  refused(
    'endless interim responses',
    'keeps the exchange busy for ever',
    'HTTP/1.1 102 Processing\r\n\r\n'.repeat(64),
  ),
];

const SIZES: readonly ResponseCase[] = [
  field('a field of 70 KiB', 'fills memory', `X-Large: ${'x'.repeat(70 * 1024)}`),
  field('300 fields', 'fills memory, slows tables', 'X-A: b\r\n'.repeat(299).concat('X-A: b')),
  refused('a reason of 70 KiB', 'fills memory', `HTTP/1.1 200 ${'x'.repeat(70 * 1024)}`),
  refused('an endless name', 'fills memory', `${OK}${'x'.repeat(70 * 1024)}`),
];

const CHUNKS: readonly ResponseCase[] = [
  broken('chunk size not hexadecimal', 'each side reads another size', 'g\r\nab\r\n0\r\n\r\n'),
  broken('chunk size with sign', 'read as a number', '+2\r\nab\r\n0\r\n\r\n'),
  broken('negative chunk size', 'underflow', '-2\r\nab\r\n0\r\n\r\n'),
  broken('chunk size with 0x', '0 or 2', '0x2\r\nab\r\n0\r\n\r\n'),
  broken('empty chunk size', 'zero to some', '\r\nab\r\n0\r\n\r\n'),
  broken('space before the size', 'sloppy white space', ' 2\r\nab\r\n0\r\n\r\n'),
  broken('space after the size', 'sloppy white space', '2 \r\nab\r\n0\r\n\r\n'),
  broken('underscore in the size', 'a digit separator', '1_0\r\nab\r\n0\r\n\r\n'),
  broken('chunk size beyond 2^64', 'overflow', '10000000000000002\r\nab\r\n0\r\n\r\n'),
  broken('size line ended by LF', 'line ends disagree', '2\nab\r\n0\r\n\r\n'),
  broken('bare CR in the size line', 'line ends disagree', '2\rx\nab\r\n0\r\n\r\n'),
  broken('data longer than its size', 'the rest is a size', '2\r\nabcd\r\n0\r\n\r\n'),
  broken('data ended by LF', 'line ends disagree', '2\r\nab\n0\r\n\r\n'),
  broken('two octets instead of CR LF', 'a smuggled response', `2\r\nabXX0\r\n\r\n${NEXT}`),
  broken('control character in an extension', 'splits lines', '2;a\0b\r\nab\r\n0\r\n\r\n'),
  broken('bare LF in an extension', 'a line end to some', '2;a\nab\r\n0\r\n\r\n'),
  broken('endless extension', 'fills memory', `2;${'x'.repeat(20_000)}\r\nab\r\n0\r\n\r\n`),
  broken('malformed trailer', 'a field nobody checks', '2\r\nab\r\n0\r\nX Y: z\r\n\r\n'),
  broken('folded trailer', 'obs-fold', '2\r\nab\r\n0\r\nX: y\r\n z\r\n\r\n'),
  broken('endless trailers', 'fills memory', `2\r\nab\r\n0\r\n${'X: y\r\n'.repeat(5000)}\r\n`),
  broken('last chunk ended by two octets', 'a smuggled response', `2\r\nab\r\n0\r\nXX${NEXT}`),
  broken('last chunk ended by CR X', 'a smuggled response', `2\r\nab\r\n0\r\n\rX${NEXT}`),
  { ...broken('chunk cut short', 'looks complete', '5\r\nab'), closes: true },
  { ...broken('last chunk missing', 'looks complete', '2\r\nab\r\n'), closes: true },
  { ...broken('end of trailers missing', 'looks complete', '2\r\nab\r\n0\r\n'), closes: true },
];

const CLOSES: readonly ResponseCase[] = [
  { ...refused('nothing at all', 'an empty page', ''), closes: true },
  { ...refused('half a status line', 'an empty page', 'HTTP/1.1 2'), closes: true },
  { ...refused('half a head', 'fields are missing', `${OK}Content-Le`), closes: true },
  { ...refused('head without its end', 'fields are missing', `${OK}X: y\r\n`), closes: true },
  {
    ...refused('sized body cut short', 'looks complete', `${OK}Content-Length: 9\r\n\r\nshort`),
    outcome: 'broken',
    closes: true,
  },
];

/** Odd, but legal or harmless: they must work, and must not spoil what comes after. */
const HONEST: readonly ResponseCase[] = [
  honest('bytes after a sized body', `${OK}Content-Length: 2\r\n\r\nok${NEXT}`),
  honest('bytes after a chunked body', `${CHUNKED}2\r\nok\r\n0\r\n\r\n${NEXT}`),
  honest('no reason', 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'),
  honest('no reason and no space', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok'),
  honest('octets above 127', `HTTP/1.1 200 \u00e9\r\nX: \u00ff\r\nContent-Length: 2\r\n\r\nok`),
  honest('white space around values', `${OK}Content-Length: \t 2 \t\r\n\r\nok`),
  honest('leading zeros in a length', `${OK}Content-Length: 002\r\n\r\nok`),
  honest('chunked in capitals', `${OK}TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n`),
  honest('chunk extensions and trailers', `${CHUNKED}2;a="b;c"\r\nok\r\n0;x\r\nX: y\r\n\r\n`),
  honest('leading zeros in a chunk size', `${CHUNKED}0002\r\nok\r\n000\r\n\r\n`),
  honest(
    'interim responses first',
    `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
  ),
  { ...honest('HTTP/1.0 until close', 'HTTP/1.0 200 OK\r\n\r\nok'), closes: true },
  { ...honest('HTTP/1.1 until close', `${OK}\r\nok`), closes: true },
  {
    ...honest('204 with a body nobody reads', `HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\nbody`),
    body: '',
  },
  { ...honest('304 with a length', 'HTTP/1.1 304 Not\r\nContent-Length: 4\r\n\r\n'), body: '' },
  {
    ...honest('HEAD with a body nobody reads', `${OK}Content-Length: 4\r\n\r\nbody`),
    method: 'HEAD',
    body: '',
  },
];

/** All cases. */
export const responseCases: readonly ResponseCase[] = [
  ...STATUS_LINE,
  ...FIELDS,
  ...LENGTHS,
  ...INTERIM,
  ...SIZES,
  ...CHUNKS,
  ...CLOSES,
  ...HONEST,
];

function refused(name: string, attack: string, bytes: string): ResponseCase {
  return { name, attack, bytes, outcome: '502' };
}

function field(name: string, attack: string, line: string): ResponseCase {
  return refused(name, attack, `${OK}${line}\r\n\r\nok`);
}

function broken(name: string, attack: string, body: string): ResponseCase {
  return { name, attack, bytes: CHUNKED + body, outcome: 'broken' };
}

function honest(name: string, bytes: string): ResponseCase {
  return { name, attack: 'none: legal, or harmless', bytes, outcome: 'ok', body: 'ok' };
}
