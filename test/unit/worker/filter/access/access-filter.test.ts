// What the filter makes of its checks: all or any of them, one after the other, and what becomes of fields
// and credentials.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { AddressSet } from '../../../../../src/std/address-set.ts';
import { ApiKeyCheck } from '../../../../../src/worker/filter/access/api-key.ts';
import { type AccessCheck, AccessFilter } from '../../../../../src/worker/filter/access/check.ts';
import { AddressCheck, ClientsFilter } from '../../../../../src/worker/filter/access/clients.ts';
import { makeExchange } from '../../support/exchanges.ts';

const withFields = (...headers: string[]) => makeExchange({ headers });

describe('the access filter', () => {
  const passing: AccessCheck = { name: 'p', check: () => null };
  const late: AccessCheck = { name: 'l', check: async () => null };
  const refusing: AccessCheck = {
    name: 'r',
    check: () => new ProxyError('unauthorized', 'r', 1, ['www-authenticate', 'R']),
  };
  const lateRefusing: AccessCheck = {
    name: 's',
    check: async () => new ProxyError('unauthorized', 's', 1, ['www-authenticate', 'S']),
  };
  const forbidding = new AddressCheck(new AddressSet(['10.0.0.0/8']));
  const run = async (satisfy: 'all' | 'any', ...checks: AccessCheck[]) => {
    const verdict = await new AccessFilter({ checks, satisfy, reserved: new Set() }).apply(
      withFields(),
    );
    if (verdict === undefined) return 'passes';
    return verdict instanceof ProxyError ? `${verdict.code} ${verdict.headers}` : verdict.status;
  };

  it('wants all or any of its checks', async () => {
    assert.equal(await run('all', passing, late, passing), 'passes');
    assert.equal(await run('all', passing, refusing, late), 'unauthorized www-authenticate,R');
    assert.equal(await run('all', late, lateRefusing, passing), 'unauthorized www-authenticate,S');
    assert.equal(await run('any', refusing, lateRefusing, late), 'passes');
    assert.equal(await run('any', forbidding, passing), 'passes');
  });

  it('names all the ways that a client could have taken', async () => {
    assert.equal(
      await run('any', forbidding, refusing, lateRefusing),
      'unauthorized www-authenticate,R,www-authenticate,S',
    );
    assert.equal(await run('any', forbidding), 'forbidden ');
  });

  it('takes out credentials that nobody had to look at', async () => {
    const keys = new Map([['0'.repeat(64), 'build']]);
    const checks = [
      new AddressCheck(new AddressSet(['192.0.2.1'])),
      new ApiKeyCheck({ header: 'x-key', query: 'key', names: keys, forwards: false }),
    ];
    const exchange = makeExchange({
      target: '/a?key=secret&b',
      headers: ['x-key', 'secret'],
      remoteAddress: '192.0.2.1',
    });
    const filter = new AccessFilter({ checks, satisfy: 'any', reserved: new Set() });
    assert.equal(filter.apply(exchange), undefined);
    assert.deepEqual(exchange.requestHeaders, []);
    assert.deepEqual([exchange.target, exchange.receivedTarget], ['/a?b', '/a?b']);
  });

  // A client that sends X-User itself must not be taken for somebody who was let in as that user.
  it('takes out the fields that only it may set, whoever asks', async () => {
    const filter = new AccessFilter({
      checks: [passing],
      satisfy: 'any',
      reserved: new Set(['x-user']),
    });
    // Peers that speak CGI or WSGI can't tell an underscore from a dash.
    const exchange = withFields('x-user', 'root', 'x-a', '1', 'x_user', 'admin');
    assert.equal(filter.apply(exchange), undefined);
    assert.deepEqual(exchange.requestHeaders, ['x-a', '1']);
  });
});

describe('lists of clients', () => {
  const apply = (allow: string[] | null, deny: string[], address: string) => {
    const exchange = makeExchange({ remoteAddress: address });
    const filter = new ClientsFilter({
      allow: allow === null ? null : new AddressSet(allow),
      deny: new AddressSet(deny),
    });
    return (filter.apply(exchange) as ProxyError | undefined)?.code ?? 'passes';
  };

  it('let pass whom they allow and do not deny', () => {
    assert.equal(apply(null, [], '192.0.2.1'), 'passes');
    assert.equal(apply(null, ['192.0.2.0/24'], '192.0.2.1'), 'forbidden');
    assert.equal(apply(['192.0.2.0/24'], ['192.0.2.1'], '192.0.2.1'), 'forbidden');
    assert.equal(apply(['192.0.2.0/24'], ['192.0.2.1'], '192.0.2.2'), 'passes');
    assert.equal(apply(['2001:db8::/32'], [], '192.0.2.2'), 'forbidden');
    assert.equal(apply(['2001:db8::/32'], [], '2001:db8::1'), 'passes');
    assert.equal(apply(['10.0.0.0/8'], [], ''), 'forbidden');
  });
});
