// Single checks against scripted peers: what is good, and what is said of what is not.

import assert from 'node:assert/strict';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { describe, type TestContext } from 'node:test';
import type { CheckTarget } from '../../../../src/sidecar/checks/check-target.ts';
import { checkHttp, isExpected } from '../../../../src/sidecar/checks/http-check.ts';
import { checkTcp } from '../../../../src/sidecar/checks/tcp-check.ts';
import { createAuthority } from '../../../support/certificates.ts';
import { until } from '../../../support/deadline.ts';
import { freePort } from '../../../support/free-port.ts';
import { fieldValues } from '../../../support/http-message.ts';
import {
  answering,
  onEachRequest,
  sizedResponse,
  startHttpOrigin,
  startOrigin,
} from '../../../support/origin.ts';

interface Change {
  readonly settings?: Partial<CheckTarget['settings']>;
  readonly tls?: Partial<CheckTarget['tls']>;
  readonly secure?: boolean;
  readonly sendProxy?: CheckTarget['sendProxy'];
}

function target(
  port: number,
  { settings, tls, secure = false, sendProxy = 'off' }: Change = {},
): CheckTarget {
  return {
    id: 'app/x',
    secure,
    hostname: '127.0.0.1',
    port,
    path: null,
    sendProxy,
    authority: `127.0.0.1:${port}`,
    settings: {
      type: 'http',
      path: '/healthz?deep=1',
      method: 'GET',
      host: null,
      status: '200-399',
      body: null,
      intervalMs: 5000,
      downIntervalMs: 1000,
      timeoutMs: 5000,
      fall: 3,
      rise: 2,
      ...settings,
    },
    tls: { verify: true, ca: null, serverName: null, ...tls },
  };
}

const good = { good: true, why: '' };

function status(code: number): string {
  return `HTTP/1.1 ${code} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
}

describe('an HTTP check', () => {
  test('asks for the path with the method and host that are configured', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('ok')), { context });
    assert.deepEqual(await checkHttp(target(origin.port)), good);
    const settings = { method: 'OPTIONS', host: 'app.test:81' } as const;
    assert.deepEqual(await checkHttp(target(origin.port, { settings })), good);
    const [plain, named] = origin.requests;
    assert.equal(plain!.method, 'GET');
    assert.equal(plain!.target, '/healthz?deep=1');
    assert.deepEqual(fieldValues(plain!.fields, 'host'), [`127.0.0.1:${origin.port}`]);
    assert.equal(named!.method, 'OPTIONS');
    assert.deepEqual(fieldValues(named!.fields, 'host'), ['app.test:81']);
    assert.deepEqual(fieldValues(named!.fields, 'connection'), ['close']);
  });

  test('says which status it did not want', async (context) => {
    const origin = await startOrigin(answering(status(503)), { context });
    const { good: isGood, why } = await checkHttp(target(origin.port));
    assert.deepEqual([isGood, why], [false, 'status 503']);
    const settings = { status: '200-299,503' };
    assert.deepEqual(await checkHttp(target(origin.port, { settings })), good);
  });

  test('looks for the text in the first 64 KiB, wherever it is cut', async (context) => {
    const late = `${'x'.repeat(65_000)}ready`;
    const split = onEachRequest(async (connection) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${late.length}\r\n\r\n`);
      await connection.send(late.slice(0, 65_002));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await connection.send(late.slice(65_002));
    });
    const origin = await startOrigin(split, { context });
    const settings = { body: 'ready' };
    assert.deepEqual(await checkHttp(target(origin.port, { settings })), good);
    const other = { body: 'not there' };
    const { why } = await checkHttp(target(origin.port, { settings: other }));
    assert.equal(why, 'the text is not in the answer');
  });

  test('does not read an endless answer', async (context) => {
    let isCut = false;
    const origin = await startHttpOrigin(
      (_request, response) => {
        const more = setInterval(() => response.write('x'.repeat(10_000)), 1);
        response.once('close', () => {
          clearInterval(more);
          isCut = true;
        });
      },
      { context },
    );
    const settings = { body: 'ready' };
    const { why } = await checkHttp(target(origin.port, { settings }));
    assert.equal(why, 'the text is not in the answer');
    await until(() => isCut, { what: 'the answer is cut' });
  });

  test('fails in time when nobody answers, and says so when nobody listens', async (context) => {
    const origin = await startOrigin(async () => {}, { context });
    const settings = { timeoutMs: 50 };
    const { why } = await checkHttp(target(origin.port, { settings }));
    assert.equal(why, 'no answer in 50 ms');
    await (await origin.connection(0)).untilClosed();
    assert.equal((await checkHttp(target(await freePort()))).why, 'ECONNREFUSED');
  });

  test('survives what is no HTTP, a reset and a switch of protocols', async (context) => {
    const garbage = await startOrigin(answering('SSH-2.0-OpenSSH\r\n\r\n'), { context });
    assert.match((await checkHttp(target(garbage.port))).why, /^HPE_/);
    const reset = await startOrigin(
      onEachRequest((connection) => connection.reset()),
      { context },
    );
    assert.match((await checkHttp(target(reset.port))).why, /ECONNRESET/);
    const upgrade = 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    const switching = await startOrigin(answering(upgrade), { context });
    assert.equal((await checkHttp(target(switching.port))).good, false);
  });
});

describe('checks of https peers', () => {
  async function startSecure(context: TestContext) {
    const authority = createAuthority(context);
    const server = createTlsServer(authority.issue('127.0.0.1'), (_request, response) => {
      response.end('ok');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    return { port, ca: authority.ca };
  }

  for (const [name, check] of [
    ['http', checkHttp],
    ['tcp', checkTcp],
  ] as const) {
    test(`verify the certificate as the traffic does (${name})`, async (context) => {
      const { port, ca } = await startSecure(context);
      assert.deepEqual(await check(target(port, { secure: true, tls: { ca } })), good);
      const { why } = await check(target(port, { secure: true }));
      assert.match(why, /UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/);
      const unverified = target(port, { secure: true, tls: { verify: false } });
      assert.deepEqual(await check(unverified), good);
      const other = target(port, { secure: true, tls: { ca, serverName: 'other.test' } });
      assert.equal((await check(other)).why, 'ERR_TLS_CERT_ALTNAME_INVALID');
    });
  }
});

describe('a TCP check', () => {
  test('is good when a connection comes about, whatever is behind it', async (context) => {
    const origin = await startOrigin(async () => {}, { context });
    assert.deepEqual(await checkTcp(target(origin.port)), good);
    assert.equal((await checkTcp(target(await freePort()))).why, 'ECONNREFUSED');
  });
});

describe('expected statuses', () => {
  test('are numbers and ranges', () => {
    assert.ok(isExpected(200, '200-399'));
    assert.ok(isExpected(399, '200-399'));
    assert.ok(!isExpected(400, '200-399'));
    assert.ok(isExpected(418, '200,418'));
    assert.ok(!isExpected(201, '200,418'));
  });
});
