// Broken request lines, hosts, fields and upgrades.

import { type BadRequest, get, post, SMUGGLED } from './bad-request.ts';

const HOST = 'Host: a';

function line(text: string): string {
  return `${text}\r\nHost: a\r\n\r\n`;
}

/** Request lines. */
export const badLines: readonly BadRequest[] = [
  { name: 'HTTP/1.0', bytes: line('GET /first HTTP/1.0'), outcome: 505 },
  { name: 'HTTP/2.0', bytes: line('GET /first HTTP/2.0'), outcome: 505 },
  { name: 'HTTP/1.2', bytes: line('GET /first HTTP/1.2'), outcome: 505 },
  { name: 'HTTP/0.9', bytes: 'GET /first\r\n', outcome: 'close', isSilent: true },
  { name: 'a version in lower case', bytes: line('GET /first http/1.1'), outcome: 505 },
  {
    name: 'a target with scheme and host',
    bytes: line('GET http://a/first HTTP/1.1'),
    outcome: 505,
  },
  { name: 'OPTIONS *', bytes: line('OPTIONS * HTTP/1.1'), outcome: 505 },
  { name: 'CONNECT', bytes: line('CONNECT a:80 HTTP/1.1'), outcome: 505 },
  { name: 'two spaces', bytes: line('GET  /first HTTP/1.1'), outcome: 505 },
  { name: 'a space in the target', bytes: line('GET /fi rst HTTP/1.1'), outcome: 505 },
  { name: 'a tab for a space', bytes: line('GET\t/first HTTP/1.1'), outcome: 505 },
  { name: 'NUL in the target', bytes: line('GET /fi\0rst HTTP/1.1'), outcome: 505 },
  {
    name: 'lines that end with a bare line feed',
    bytes: 'GET /first HTTP/1.1\nHost: a\n\n',
    outcome: 505,
  },
  {
    name: 'a PROXY line',
    bytes: `PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n${line('GET / HTTP/1.1')}`,
    outcome: 505,
  },
  { name: 'a TLS handshake', bytes: '\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03', outcome: 505 },
  { name: 'the preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', outcome: 505 },
  { name: 'DEL in the target', bytes: line('GET /fi\x7frst HTTP/1.1'), outcome: 400 },
  { name: 'a fragment', bytes: line('GET /first#part HTTP/1.1'), outcome: 400 },
  {
    name: 'a fragment behind the query',
    attack: 'What is behind # is cut off by some and looked at by others: access rules differ.',
    bytes: line('GET /public?x#/../private HTTP/1.1'),
    outcome: 400,
  },
  { name: 'a target that is not UTF-8', bytes: line('GET /caf\xe9 HTTP/1.1'), outcome: 400 },
  { name: 'a bracket in the method', bytes: line('GE(T /first HTTP/1.1'), outcome: 400 },
  { name: 'a colon in the method', bytes: line('GET: /first HTTP/1.1'), outcome: 400 },
  { name: 'no method', bytes: line(' /first HTTP/1.1'), outcome: 400 },
];

/** Hosts. */
export const badHosts: readonly BadRequest[] = [
  {
    name: 'two hosts',
    attack: 'Routed by one, authorised by the other.',
    bytes: get(HOST, 'Host: b'),
    outcome: 400,
  },
  {
    name: 'two hosts and a follower',
    attack: 'The refusal must reach the parser before the next request does.',
    bytes: get(HOST, 'Host: b') + SMUGGLED,
    outcome: 'close',
    outcomeSlowly: 400,
  },
  { name: 'the same host twice', bytes: get(HOST, HOST), outcome: 400 },
  { name: 'an empty host', bytes: get('Host:'), outcome: 400 },
  { name: 'a host with a user', bytes: get('Host: admin@a'), outcome: 400 },
  { name: 'a host with a path', bytes: get('Host: a/b'), outcome: 400 },
  { name: 'a host with a space', bytes: get('Host: a b'), outcome: 400 },
  { name: 'two hosts in one field', bytes: get('Host: a, b'), outcome: 400 },
  { name: 'a host with two ports', bytes: get('Host: a:80:81'), outcome: 400 },
  { name: 'a host with a port beyond all', bytes: get('Host: a:65536'), outcome: 400 },
  { name: 'a host with a port that is no number', bytes: get('Host: a:8o'), outcome: 400 },
  { name: 'an IPv6 host that is not closed', bytes: get('Host: [::1'), outcome: 400 },
  { name: 'an IPv6 host that is none', bytes: get('Host: [1:2]'), outcome: 400 },
  { name: 'a host with a broken escape', bytes: get('Host: a%2'), outcome: 400 },
  { name: 'a host that is not ASCII', bytes: get('Host: a\xc3\xa4b'), outcome: 400 },
  { name: 'a host with a backslash', bytes: get('Host: a\\b'), outcome: 400 },
  { name: 'no host', bytes: get('X-Other: a'), outcome: 400 },
];

/** Field lines. */
export const badFields: readonly BadRequest[] = [
  { name: 'DEL in a value', bytes: get(HOST, 'X: a\x7fb'), outcome: 400 },
  { name: 'a value that is not UTF-8', bytes: get(HOST, 'X: a\xe9b'), outcome: 400 },
  {
    name: 'ninety-nine fields',
    bytes: get(HOST, ...Array.from({ length: 98 }, (_, at) => `X-${at}: 1`)),
    outcome: 431,
  },
  { name: 'a head of 33 KiB', bytes: get(HOST, `X: ${'x'.repeat(33 * 1024)}`), outcome: 431 },
  {
    name: 'a target of 33 KiB',
    bytes: line(`GET /${'x'.repeat(33 * 1024)} HTTP/1.1`),
    outcome: 431,
  },
  { name: 'a folded field', bytes: get(HOST, 'X: a', ' b'), outcome: 'close', isSilent: true },
  { name: 'a space before the colon', bytes: get(HOST, 'X : a'), outcome: 'close', isSilent: true },
  { name: 'no colon', bytes: get(HOST, 'X'), outcome: 'close', isSilent: true },
  { name: 'a bracket in a name', bytes: get(HOST, 'X(: a'), outcome: 'close', isSilent: true },
  {
    name: 'a name that is not ASCII',
    bytes: get(HOST, 'X\xe9: a'),
    outcome: 'close',
    isSilent: true,
  },
  { name: 'NUL in a value', bytes: get(HOST, 'X: a\0b'), outcome: 'close', isSilent: true },
  {
    name: 'a bare line feed in a value',
    attack: 'A hop that ends lines there sees a field, and perhaps a request, more.',
    bytes: get(HOST, `X: a\nTransfer-Encoding: chunked`),
    outcome: 'close',
    isSilent: true,
  },
  {
    name: 'a bare carriage return in a value',
    bytes: get(HOST, 'X: a\rTransfer-Encoding: chunked'),
    outcome: 'close',
    isSilent: true,
  },
  {
    name: 'a space before the first field',
    bytes: get(` ${HOST}`),
    outcome: 'close',
    isSilent: true,
  },
  {
    name: 'a field without a name',
    attack:
      'The engine sees no field behind it, not even a length: the body becomes a request. It is cut ' +
      'as long as the first one waits for its answer.',
    bytes: post([': x', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    outcome: 'close',
    served: 1,
    onlyAtOnce: 'once the first is answered, nothing tells the second from an honest request',
  },
  { name: 'an empty line in front', bytes: `\r\n${get(HOST)}`, outcome: 'close', isSilent: true },
];

const upgrade = [HOST, 'Upgrade: websocket', 'Connection: Upgrade'];
const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
const version = 'Sec-WebSocket-Version: 13';

/** Upgrades to WebSocket. */
export const badUpgrades: readonly BadRequest[] = [
  {
    name: 'WebSocket version 8',
    bytes: get(...upgrade, key, 'Sec-WebSocket-Version: 8'),
    outcome: 426,
  },
  { name: 'WebSocket without a version', bytes: get(...upgrade, key), outcome: 426 },
  { name: 'WebSocket without a key', bytes: get(...upgrade, version), outcome: 400 },
  {
    name: 'WebSocket with a short key',
    bytes: get(...upgrade, version, 'Sec-WebSocket-Key: c2hvcnQ='),
    outcome: 400,
  },
  {
    name: 'WebSocket with a key that is not base64',
    bytes: get(...upgrade, version, 'Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=='),
    outcome: 400,
  },
  {
    name: 'WebSocket with a body',
    attack: 'The body would be the first frames for one hop and a request for the other.',
    bytes: get(...upgrade, version, key, `Content-Length: ${SMUGGLED.length}`) + SMUGGLED,
    outcome: 400,
  },
];
