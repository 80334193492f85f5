// Which script answers which target, and what it is told.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { paramsOf } from '../../../../../src/worker/upstream/fastcgi/params.ts';
import { scriptOf } from '../../../../../src/worker/upstream/fastcgi/script.ts';
import { makeExchange } from '../../support/exchanges.ts';

const options = {
  root: '/app',
  index: 'index.php',
  frontController: '/front.php',
  endings: ['.php', '.phtml'],
  params: ['APP_ENV', 'test', 'HTTP_HOST', 'forced'],
};

describe('the script of a target', () => {
  const cases: [target: string, name: string, pathInfo: string, query: string][] = [
    ['/', '/index.php', '', ''],
    ['/?a=1?b', '/index.php', '', 'a=1?b'],
    ['/a/', '/front.php', '', ''],
    ['/a.php', '/a.php', '', ''],
    ['/A.PHP/x', '/A.PHP', '/x', ''],
    ['/a.php/b.php', '/a.php', '/b.php', ''],
    ['/a.phtml/b.php', '/a.phtml', '/b.php', ''],
    ['/a.phpx', '/front.php', '', ''],
    ['/a.php.bak', '/front.php', '', ''],
    ['/%61.php%2fb', '/a.php', '/b', ''],
    ['/caf%C3%A9.php', '/caf\xc3\xa9.php', '', ''],
  ];
  for (const [target, name, pathInfo, query] of cases) {
    it(`is ${name} for ${target}`, () => {
      assert.deepEqual(scriptOf(target, options), { name, pathInfo, query });
    });
  }
});

describe('the parameters of a request', () => {
  const script = { name: '/a.php', pathInfo: '', query: '' };
  const paramsFor = (headers: string[]) => {
    const exchange = makeExchange({ headers, host: 'h:8443' });
    exchange.scheme = 'https';
    const pairs = paramsOf(exchange, script, options, 3);
    const map: Record<string, string> = {};
    for (let at = 0; at < pairs.length; at += 2) map[pairs[at]!] = pairs[at + 1]!;
    return map;
  };

  it('say how the client came, and what the body is', () => {
    const params = paramsFor(['content-type', 'text/plain']);
    assert.equal(params['HTTPS'], 'on');
    assert.equal(params['REQUEST_SCHEME'], 'https');
    assert.equal(params['SERVER_PORT'], '8443');
    assert.equal(params['SERVER_NAME'], 'h');
    assert.equal(params['CONTENT_LENGTH'], '3');
    assert.equal(params['CONTENT_TYPE'], 'text/plain');
    assert.equal(params['HTTP_CONTENT_TYPE'], undefined);
  });

  it('join fields of one name, and take none that could pass for another', () => {
    const params = paramsFor([
      'cookie',
      'a=1',
      'cookie',
      'b=2',
      'x_real_ip',
      '6.6.6.6',
      'proxy',
      'x',
    ]);
    assert.equal(params['HTTP_COOKIE'], 'a=1; b=2');
    assert.equal(params['HTTP_X_REAL_IP'], undefined);
    assert.equal(params['HTTP_PROXY'], undefined);
  });

  it('end with those of the operator, which win', () => {
    assert.equal(paramsFor([])['HTTP_HOST'], 'forced');
    assert.equal(paramsFor([])['APP_ENV'], 'test');
  });
});
