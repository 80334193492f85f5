// What clients get when something goes wrong on the other side: statuses, retries, visible breaks.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import {
  answering,
  type Origin,
  onEachRequest,
  sizedResponse,
  startOrigin,
} from '../support/origin.ts';
import type { OriginConnection } from '../support/origin-connection.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
let sluice: Sluice;
let hanging: Origin;
let breaking: Origin;
let patient: Origin;

before(async () => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  const alive = await startOrigin(answering(sizedResponse('alive')), { context: suite });
  hanging = await startOrigin(async () => {}, { context: suite });
  breaking = await startOrigin(
    onEachRequest(async (connection, received) => {
      if (received.target === '/sized') {
        await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      } else if (received.target === '/chunked') {
        await connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      }
      connection.reset();
    }),
    { context: suite },
  );
  patient = await startOrigin(async () => {}, { context: suite });
  const timeouts = { headMs: '400ms', bodyIdleMs: '400ms' };
  const retry = { retriesMax: 1 };
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: {
        dead: { peers: [dead] },
        half: { peers: [dead, alive.url], ejection: { failuresInRow: 0 } },
        hanging: { peers: [hanging.url], timeouts },
        breaking: { peers: [breaking.url], retry },
        patient: { peers: [patient.url] },
        full: { peers: [patient.url], connectionsMax: 1, pendingMax: 0 },
      },
      routes: ['dead', 'half', 'hanging', 'breaking', 'patient', 'full'].map((name) => ({
        match: { host: `${name}.test` },
        to: name,
      })),
      limits: { requestBodyBytes: '1KiB' },
    },
    { context: suite },
  );
});

/** Waits for the request with this target at the patient peer. */
async function connectionOf(target: string): Promise<OriginConnection> {
  const find = () => patient.requests.find((request) => request.target === target);
  await until(() => find() !== undefined, { what: `${target} at the peer` });
  return patient.connections[find()!.connection]!;
}

describe('failures', () => {
  it('answers 404 where no route matches, with an id, as text or JSON', async () => {
    const text = await request(sluice.port, { host: 'nobody.test' });
    assert.equal(text.status, 404);
    assert.match(text.body.toString(), /request id: [\w-]{8,}/);
    const json = await request(sluice.port, {
      host: 'nobody.test',
      fields: ['Accept: application/json'],
    });
    const { code, requestId } = JSON.parse(json.body.toString());
    assert.equal(code, 'no_route');
    assert.equal(json.header('x-request-id'), requestId);
    await until(() => sluice.logLines().some((line) => line.includes(requestId)), {
      what: 'the id in the access log',
    });
  });

  it('answers 502 when nobody listens', async () => {
    const answer = await request(sluice.port, { host: 'dead.test' });
    assert.equal(answer.status, 502);
  });

  it('goes to another peer when one refuses, without the client noticing', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const answer = await request(sluice.port, { host: 'half.test', method: 'POST', body: 'x' });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), 'alive');
    }
  });

  it('answers 504 when no head comes in time', async () => {
    const answer = await request(sluice.port, { host: 'hanging.test' });
    assert.equal(answer.status, 504);
    const connection = await hanging.connection(0);
    await connection.untilClosed();
  });

  it('breaks the response visibly when the peer breaks off, sized or chunked', async () => {
    for (const target of ['/sized', '/chunked']) {
      const client = await connectClient(sluice.port, { context: suite });
      await client.send(`GET ${target} HTTP/1.1\r\nHost: breaking.test\r\n\r\n`);
      await client.untilClosed();
      const received = client.received.toString('latin1');
      assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(received, /half/);
      assert.doesNotMatch(received, /\r\n0\r\n\r\n$/, 'the end of a complete chunked body');
    }
  });

  it('answers 502 when the peer resets before the head', async () => {
    const answer = await request(sluice.port, { host: 'breaking.test', target: '/none' });
    assert.equal(answer.status, 502);
  });

  it('answers 413 to a body that is too large, declared or not', async () => {
    const declared = await request(sluice.port, {
      host: 'patient.test',
      method: 'POST',
      body: Buffer.alloc(2000),
    });
    assert.equal(declared.status, 413);
    const client = await connectClient(sluice.port, { context: suite });
    await client.send(
      'POST / HTTP/1.1\r\nHost: patient.test\r\nTransfer-Encoding: chunked\r\n\r\n' +
        `7d0\r\n${'x'.repeat(2000)}\r\n`,
    );
    const { status } = await client.response();
    assert.equal(status, 413);
  });

  it('cancels the attempt at once when the client leaves', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    await client.send('GET /leave HTTP/1.1\r\nHost: patient.test\r\n\r\n');
    const connection = await connectionOf('/leave');
    client.reset();
    await connection.untilClosed();
    await until(() => sluice.logLines().some((line) => /\/leave.*499/.test(line)), {
      what: 'a line with 499',
    });
  });

  it('answers 503 with Retry-After when all connections are taken and nobody may wait', async () => {
    const first = await connectClient(sluice.port, { context: suite });
    await first.send('GET /first HTTP/1.1\r\nHost: full.test\r\n\r\n');
    const connection = await connectionOf('/first');
    const second = await request(sluice.port, { host: 'full.test' });
    assert.equal(second.status, 503);
    assert.ok(Number(second.header('retry-after')) >= 1);
    await connection.send(sizedResponse('at last'));
    assert.equal((await first.response()).body.toString(), 'at last');
  });
});
