// Uploads over HTTP/2 that break off, on the engine node: nothing but END_STREAM makes one whole.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../support/deadline.ts';
import * as raw from '../../support/raw-http2.ts';
import {
  answer,
  collect,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const reset = (code: number): Buffer => raw.frame(raw.RST_STREAM, 0, 1, raw.uint32(code));
/** NO_ERROR, no stream from the server taken. */
const goaway = raw.frame(raw.GOAWAY, 0, 0, Buffer.alloc(8));

const ways: Readonly<Record<string, (client: raw.RawHttp2) => unknown>> = {
  'RST_STREAM with NO_ERROR': (client) => client.send(reset(0)),
  'RST_STREAM with INTERNAL_ERROR': (client) => client.send(reset(2)),
  'RST_STREAM with CANCEL': (client) => client.send(reset(8)),
  FIN: (client) => client.socket.end(),
  'a reset connection': (client) => client.socket.resetAndDestroy(),
  'GOAWAY and FIN': async (client) => {
    await client.send(goaway);
    client.socket.end();
  },
};

/** Begins an upload; what becomes of it is in the list, in order: bytes, then how it ended. */
async function begin(t: Parameters<typeof openScripted>[0]): Promise<[raw.RawHttp2, string[]]> {
  const ends: string[] = [];
  const { port } = await openScripted(
    t,
    (exchange) => {
      collect(exchange, (body, error) => {
        ends.push(`${body.length} ${error?.code ?? 'whole'}`);
        if (error === null) answer(exchange);
      });
      begun += 1;
    },
    { http2: true },
  );
  let begun = 0;
  const client = await raw.openRaw(port, t);
  await client.send(
    raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.POST),
    raw.frame(raw.DATA, 0, 1, 'half'),
  );
  await until(() => begun === 1, { what: 'the upload begins' });
  return [client, ends];
}

describe('an upload over HTTP/2', () => {
  for (const [name, breakOff] of Object.entries(ways)) {
    it(`is not whole after ${name}`, async (t) => {
      const [client, ends] = await begin(t);
      await breakOff(client);
      await until(() => ends.length > 0, { what: 'the end of it' });
      assert.deepEqual(ends, ['4 client_closed']);
    });
  }

  it('is whole after END_STREAM', async (t) => {
    const [client, ends] = await begin(t);
    await client.send(raw.frame(raw.DATA, raw.END_STREAM, 1, 'half'));
    await until(() => ends.length > 0, { what: 'the end of it' });
    assert.deepEqual(ends, ['8 whole']);
  });
});
