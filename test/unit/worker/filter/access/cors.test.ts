// Which origins may read what: never one that is not on the list.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reply } from '../../../../../src/core/filter.ts';
import { headerValue } from '../../../../../src/core/headers.ts';
import { Cors, type CorsOptions } from '../../../../../src/worker/filter/access/cors.ts';
import { makeExchange } from '../../support/exchanges.ts';

const options: CorsOptions = {
  origins: ['https://app.example', 'https://*.wild.example', 'http://localhost:3000'],
  methods: ['GET', 'PUT'],
  headers: ['content-type'],
  exposeHeaders: ['x-total'],
  credentials: true,
  maxAgeSeconds: 600,
};

function preflight(origin: string, changes: Partial<CorsOptions> = {}): Reply {
  const headers = [
    ...['origin', origin, 'access-control-request-method', 'PUT'],
    ...['access-control-request-headers', 'x-a, x-b'],
  ];
  const exchange = makeExchange({ method: 'OPTIONS', headers });
  return new Cors({ ...options, ...changes }).apply(exchange) as Reply;
}

function allowed(origin: string, changes: Partial<CorsOptions> = {}): string | undefined {
  const exchange = makeExchange({ headers: ['origin', origin] });
  exchange.responseHeaders = ['access-control-allow-origin', 'https://peer.example', 'x-p', '1'];
  const cors = new Cors({ ...options, ...changes });
  assert.equal(cors.attach(exchange, exchange.client), exchange.client);
  assert.equal(headerValue(exchange.responseHeaders, 'x-p'), '1');
  return headerValue(exchange.responseHeaders, 'access-control-allow-origin');
}

describe('CORS', () => {
  it('answers preflights of origins on the list', () => {
    const { status, headers } = preflight('https://app.example');
    assert.equal(status, 204);
    assert.equal(headerValue(headers, 'access-control-allow-origin'), 'https://app.example');
    assert.equal(headerValue(headers, 'access-control-allow-credentials'), 'true');
    assert.equal(headerValue(headers, 'access-control-allow-methods'), 'GET, PUT');
    assert.equal(headerValue(headers, 'access-control-allow-headers'), 'content-type');
    assert.equal(headerValue(headers, 'access-control-max-age'), '600');
    const any = preflight('https://app.example', { headers: ['*'] });
    assert.equal(headerValue(any.headers, 'access-control-allow-headers'), 'x-a, x-b');
  });

  it('grants nothing to any other origin', () => {
    for (const origin of [
      'https://evil.example',
      'http://app.example',
      'https://app.example:444',
      'https://app.example.evil.example',
      'https://evilapp.example',
      'https://wild.example',
      'https://evil.example/.wild.example',
      'https://evil.example?.wild.example',
      'https://user@.wild.example',
      'https://.wild.example\0',
      'null',
      '',
      '*',
    ]) {
      assert.equal(preflight(origin).status, 403, origin);
      assert.equal(
        headerValue(preflight(origin).headers, 'access-control-allow-origin'),
        undefined,
      );
      assert.equal(allowed(origin), undefined, origin);
    }
    assert.equal(allowed('https://a.b.wild.example'), 'https://a.b.wild.example');
    assert.equal(allowed('HTTPS://APP.example'), 'HTTPS://APP.example');
  });

  it('says * to everybody when told so, without naming anybody', () => {
    const anybody = { origins: ['*'], credentials: false };
    assert.equal(allowed('https://evil.example', anybody), '*');
    const { headers } = preflight('https://evil.example', anybody);
    assert.equal(headerValue(headers, 'access-control-allow-origin'), '*');
    assert.equal(headerValue(headers, 'access-control-allow-credentials'), undefined);
  });

  it('tells caches that answers differ by origin, also those without one', () => {
    const exchange = makeExchange();
    new Cors(options).attach(exchange, exchange.client);
    assert.deepEqual(exchange.responseHeaders, ['vary', 'Origin']);
  });

  it('leaves requests alone that are no preflights', () => {
    const cors = new Cors(options);
    assert.equal(cors.apply(makeExchange({ method: 'OPTIONS' })), undefined);
    assert.equal(
      cors.apply(makeExchange({ headers: ['origin', 'https://app.example'] })),
      undefined,
    );
  });
});
