// The corpus of malformed responses through the whole proxy: the client gets a 502, a response that visibly
// breaks off, or the response, and the proxy serves whoever comes next.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { connectClient, type RawClient, request } from '../support/client.ts';
import { onEachRequest, sizedResponse, startOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { type ResponseCase, responseCases } from './corpus/responses.ts';

const suite = suiteCleanup();
let sluice: Sluice;

before(async () => {
  const origin = await startOrigin(
    onEachRequest(async (connection, { target }) => {
      const one = responseCases[Number(target.slice('/case/'.length))];
      if (one === undefined) return void connection.send(sizedResponse('honest'));
      if (one.bytes !== '') await connection.send(Buffer.from(one.bytes, 'latin1'));
      if (one.closes === true) connection.end();
    }),
    { context: suite },
  );
  // Each case stands for itself: no second attempt, and nobody is judged by the case before.
  const app = { peers: [origin.url], retry: { retriesMax: 0 }, ejection: { failuresInRow: 0 } };
  const config = { cores: 1, upstreams: { app }, routes: [{ to: 'app' }], log: { access: 'off' } };
  sluice = await startSluice(config, { context: suite });
});

describe('malformed responses', () => {
  for (const [at, one] of responseCases.entries()) {
    it(`${one.name}: ${one.outcome}`, async () => {
      const client = await connectClient(sluice.port);
      try {
        await check(client, one, `/case/${at}`);
      } finally {
        client.close();
      }
      const next = await request(sluice.port, { target: '/honest' });
      assert.equal(next.status, 200);
      assert.equal(next.text(), 'honest');
    });
  }
});

async function check(client: RawClient, one: ResponseCase, target: string): Promise<void> {
  const method = one.method ?? 'GET';
  if (one.outcome === 'broken') {
    await assert.rejects(client.request({ method, target }));
    await client.untilClosed();
    const received = client.received.toString('latin1');
    // Reset before the head had left, or after it: never a response with an end.
    assert.match(received, /^(?:$|HTTP\/1\.1 200 )/);
    assert.doesNotMatch(received, /\r\n0\r\n\r\n$/);
    return;
  }
  const response = await client.request({ method, target });
  if (one.outcome === '502') {
    assert.equal(response.status, 502);
    return;
  }
  assert.equal(
    response.status,
    Number(/^(?:HTTP\/1.1 1.*?\r\n\r\n)*HTTP\/1.. (\d+)/s.exec(one.bytes)?.[1]),
  );
  assert.equal(response.body.toString('latin1'), one.body);
}
