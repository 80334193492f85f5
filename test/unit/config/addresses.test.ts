// Hosts, addresses and paths of a configuration: canonical forms and refusals.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  readCidr,
  readHostHeader,
  readHostPattern,
  readListenHost,
  readPathPattern,
  readPeerUrl,
} from '../../../src/config/addresses.ts';

/** Rows of text and canonical form; null where the text is refused. */
function table(read: (text: string) => string | null, rows: [string, string | null][]): void {
  for (const [text, expected] of rows) {
    const what = expected === null ? 'refuses' : `reads as ${expected}`;
    it(`${read.name}: ${what} ${JSON.stringify(text)}`, () => {
      assert.equal(read(text), expected);
    });
  }
}

describe('peer URLs', () => {
  table(readPeerUrl, [
    ['http://127.0.0.1:9001', 'http://127.0.0.1:9001'],
    ['http://127.0.0.1:9001/', 'http://127.0.0.1:9001'],
    ['HTTP://Backend.Example:80', 'http://backend.example'],
    ['https://backend:443', 'https://backend'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
    ['http://my_service:3000', 'http://my_service:3000'],
    ['http://a/path', null],
    ['http://a?query', null],
    ['http://a#fragment', null],
    ['http://user:secret@a', null],
    ['http://@a', null],
    ['http://a:0', null],
    ['http://a:65536', null],
    ['http://a:', 'http://a'],
    ['ftp://a', null],
    ['a:9001', null],
    ['http://', null],
    ['http://a b', null],
    ['http://a\r\nX: y', null],
    ['http://a\\b', null],
    ['http://-a-', null],
    ['http://%61', null],
    ['http://a\n', null],
    ['', null],
  ]);
});

describe('host patterns', () => {
  table(readHostPattern, [
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['*.Example.com', '*.example.com'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['::1', null],
    ['*', null],
    ['*.*.com', null],
    ['www.*.com', null],
    ['*example.com', null],
    ['*.[::1]', null],
    ['*.127.0.0.1', null],
    ['example.com:80', null],
    ['example.com.', null],
    ['http://example.com', null],
    ['exa mple.com', null],
    ['a..b', null],
    ['a\nb', null],
    ['ä\nb', null],
    ['a%2eb', null],
    ['1', '1'],
    ['', null],
    [`${'a'.repeat(64)}.com`, null],
  ]);
});

describe('path patterns', () => {
  table(readPathPattern, [
    ['/', '/'],
    ['/exact', '/exact'],
    ['/*', '/*'],
    ['/images/*', '/images/*'],
    ['/a%20b', '/a%20b'],
    ['images', null],
    ['/images*', null],
    ['/*/images', null],
    ['/a/**', null],
    ['/a/*/*', null],
    ['/a?b', null],
    ['/a#b', null],
    ['/a b', null],
    ['/ä', null],
    ['/a\nb', null],
    ['', null],
  ]);
});

describe('addresses and CIDR blocks', () => {
  table(readCidr, [
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.1', '192.0.2.1'],
    ['FD00::/8', 'fd00::/8'],
    ['::1', '::1'],
    ['10.0.0.0/33', null],
    ['::/129', null],
    ['10.0.0/8', null],
    ['10.0.0.0/', null],
    ['10.0.0.0/8/8', null],
    ['fe80::1%eth0', null],
    ['example.com', null],
  ]);
});

describe('listen hosts', () => {
  table(readListenHost, [
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['localhost', 'localhost'],
    ['300.0.0.1', null],
    ['[localhost]', null],
    ['', null],
  ]);
});

describe('Host for peers', () => {
  table(readHostHeader, [
    ['client', 'client'],
    ['peer', 'peer'],
    ['App.Internal:8080', 'app.internal:8080'],
    ['[::1]:80', '[::1]:80'],
    ['a:0', null],
    ['a:65536', null],
    ['*.a', null],
    ['a b', null],
    ['a\r\nX: y', null],
  ]);
});
