// Attacks on the length of a request: fields that contradict each other, and chunks that are none.

import { type BadRequest, post, SMUGGLED } from './bad-request.ts';

const chunked = 'Transfer-Encoding: chunked';

/** Requests whose length can be understood in more than one way. */
export const badFraming: readonly BadRequest[] = [
  {
    name: 'two different lengths',
    attack:
      'One hop takes the first, the next the second: what lies between them becomes a request.',
    bytes: post(['Content-Length: 5', 'Content-Length: 0'], `12345${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'two different lengths, the short one first',
    attack: 'The rest of the body is parsed as the next request while this one is being refused.',
    bytes: post(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'two equal lengths',
    bytes: post(['Content-Length: 5', 'Content-Length: 5'], '12345'),
    outcome: 400,
  },
  {
    name: 'a list of equal lengths',
    bytes: post(['Content-Length: 5, 5'], '12345'),
    outcome: 'close',
  },
  { name: 'a length with a plus', bytes: post(['Content-Length: +5'], '12345'), outcome: 'close' },
  { name: 'a negative length', bytes: post(['Content-Length: -1'], '12345'), outcome: 'close' },
  { name: 'a hexadecimal length', bytes: post(['Content-Length: 0x5'], '12345'), outcome: 'close' },
  {
    name: 'two numbers as length',
    bytes: post(['Content-Length: 5 5'], '12345'),
    outcome: 'close',
  },
  {
    name: 'a length with a fraction',
    bytes: post(['Content-Length: 5.0'], '12345'),
    outcome: 'close',
  },
  {
    name: 'an empty length',
    attack: 'One hop ignores the field, another waits for a body.',
    bytes: post(['Content-Length:'], SMUGGLED),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'a length no number can hold',
    bytes: post(['Content-Length: 18446744073709551621'], '12345'),
    outcome: 'close',
  },
  {
    name: 'a length beyond exact numbers',
    bytes: post(['Content-Length: 9007199254740993'], '12345'),
    outcome: 400,
  },
  {
    name: 'length and chunks',
    attack: 'The classic CL.TE: the hop in front goes by the length, the one behind by the chunks.',
    bytes: post(['Content-Length: 44', chunked], `0\r\n\r\n${SMUGGLED}`),
    outcome: 400,
  },
  {
    name: 'chunks and length',
    attack: 'TE.CL: the same the other way round.',
    bytes: post([chunked, 'Content-Length: 3'], `8\r\nSMUGGLED\r\n0\r\n\r\n`),
    outcome: 400,
  },
  {
    name: 'an empty length and chunks',
    attack: 'The engine lets an empty length pass beside chunks.',
    bytes: post(['Content-Length:', chunked], `0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'a transfer coding that is not chunked',
    attack: 'The engine reads chunks whatever the coding is called.',
    bytes: post(['Transfer-Encoding: gzip'], `0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'gzip, chunked',
    bytes: post(['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n'),
    outcome: 400,
  },
  {
    name: 'chunked, chunked',
    bytes: post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'),
    outcome: 400,
  },
  {
    name: 'chunked, identity',
    attack: 'A hop that looks for the word chunked and one that wants it last disagree.',
    bytes: post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  { name: 'identity', bytes: post(['Transfer-Encoding: identity'], '0\r\n\r\n'), outcome: 400 },
  { name: 'xchunked', bytes: post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'), outcome: 400 },
  { name: 'chunked with a parameter', bytes: post([`${chunked};q=1`], '0\r\n\r\n'), outcome: 400 },
  {
    name: 'chunked in quotes',
    bytes: post(['Transfer-Encoding: "chunked"'], '0\r\n\r\n'),
    outcome: 400,
  },
  {
    name: 'chunked twice',
    attack: 'Two fields: one hop may see none of them, one or both.',
    bytes: post([chunked, chunked], `0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'chunked and identity in two fields',
    bytes: post([chunked, 'Transfer-Encoding: identity'], '0\r\n\r\n'),
    outcome: 400,
  },
  {
    name: 'an empty transfer encoding',
    attack: 'The engine takes the request for one without a body.',
    bytes: post(['Transfer-Encoding:'], SMUGGLED),
    outcome: 'close',
    outcomeSlowly: 400,
  },
  {
    name: 'a vertical tab before chunked',
    attack: 'TE.TE: obfuscated so that one hop understands it and another does not.',
    bytes: post(['Transfer-Encoding: \vchunked'], '0\r\n\r\n'),
    outcome: 'close',
    isSilent: true,
  },
  {
    name: 'a space before the colon of Transfer-Encoding',
    attack: 'TE.TE: some hops trim the name, others take the field for another one.',
    bytes: post(['Transfer-Encoding : chunked'], '0\r\n\r\n'),
    outcome: 'close',
    isSilent: true,
  },
  {
    name: 'a folded transfer encoding',
    bytes: post(['Transfer-Encoding:\r\n chunked'], '0\r\n\r\n'),
    outcome: 'close',
    isSilent: true,
  },
];

/** Bodies whose chunks are broken. */
export const badChunks: readonly BadRequest[] = [
  {
    name: 'two bytes after the last chunk',
    attack: 'The engine skips any two bytes there and goes on with a second request.',
    bytes: post([chunked], `0\r\nXX${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 200,
    servedSlowly: 1,
  },
  {
    name: 'two bytes after chunk data',
    attack: 'The engine skips any two bytes there: a hop that does not sees other chunks.',
    bytes: post([chunked], `3\r\nabcXX0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 200,
    servedSlowly: 1,
  },
  {
    name: 'a request pipelined after chunks',
    attack: 'Nothing may follow a body whose end is in doubt.',
    bytes: post([chunked], `3\r\nabc\r\n0\r\n\r\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 200,
    servedSlowly: 1,
  },
  {
    name: 'a chunk size that is none',
    bytes: post([chunked], 'zz\r\nabc\r\n'),
    outcome: 400,
    servedSlowly: 1,
  },
  {
    name: 'a negative chunk size',
    bytes: post([chunked], '-1\r\nabc\r\n'),
    outcome: 400,
    servedSlowly: 1,
  },
  {
    name: 'a chunk size that overflows',
    attack: 'Sizes that wrap around make the body end where the attacker wants.',
    bytes: post([chunked], `fffffffffffffffff\r\nabc\r\n`),
    outcome: 400,
    servedSlowly: 1,
  },
  {
    name: 'a trailer field',
    attack:
      'Not one, but this engine can not take trailers: what follows the last chunk is no request.',
    bytes: post([chunked], '0\r\nX-Trailer: 1\r\n\r\n'),
    outcome: 505,
    outcomeSlowly: 200,
    servedSlowly: 1,
  },
  {
    name: 'a colon as hexadecimal digit',
    attack: 'The engine counts `:` as ten: it sees a chunk of ten bytes where others see an error.',
    bytes: post([chunked], ':\r\n0123456789\r\n0\r\n\r\n'),
    outcome: 200,
    served: 1,
  },
  {
    name: 'a chunk extension that the engine takes for digits',
    attack:
      'The engine sees a chunk of 244 443 bytes: requests of others that follow on a shared connection ' +
      'would be eaten. The body never ends, so it times out and the connection is closed.',
    bytes: post([chunked], `3;a=b\r\nabc\r\n0\r\n\r\n${SMUGGLED}`),
    outcome: 408,
    served: 1,
  },
  {
    name: 'a chunk extension with a name',
    bytes: post([chunked], '3;name=value\r\nabc\r\n0\r\n\r\n'),
    outcome: 400,
    servedSlowly: 1,
  },
  {
    name: 'chunk lines that end with a bare line feed',
    attack: 'The engine takes them, and skips two bytes where one is a line end.',
    bytes: post([chunked], `3\nabc\n0\n\n${SMUGGLED}`),
    outcome: 'close',
    outcomeSlowly: 200,
    servedSlowly: 1,
  },
];
