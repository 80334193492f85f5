// Connections of one client: more than it may have are closed, those that it has go on, and there is room
// again when they end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectClient, type RawClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import { answer, openScripted } from '../../unit/worker/listener/support/scripted-handler.ts';

const MAX = 3;
/** A look that takes long, because the machine is busy, makes the next one wait twenty times as long. */
const deadlineMs = 60_000;

describe('connections of one client', () => {
  it('are as many as it may have', async (t) => {
    let refused = 0;
    const clientLimit = {
      ...{ max: MAX, workers: 1, isExempt: () => false },
      onRefused: () => {
        refused += 1;
      },
    };
    const { port } = await openScripted(t, (exchange) => answer(exchange, { body: 'ok' }), {
      settings: { clientLimit },
    });
    const clients: RawClient[] = [];
    const tryOne = async () => {
      const client = await connectClient(port, { context: t });
      clients.push(client);
      await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const isGone = () => client.ended || client.closed;
      await until(() => client.received.length > 0 || isGone(), { what: 'an answer, or none' });
      return client.received.length > 0;
    };
    assert.equal(await tryOne(), true);
    // The engine without exact counts lets some pass until it has looked. Those that it has go on, and are
    // used meanwhile: idle ones end of themselves.
    const goesOn = async () => assert.equal((await clients[0]!.request()).status, 200);
    const isRefused = async () => {
      await goesOn();
      return !(await tryOne());
    };
    await until(isRefused, { what: 'one too many', deadlineMs });
    assert.ok(refused >= 1);
    await goesOn();
    for (const client of clients) client.socket.destroy();
    await until(tryOne, { what: 'room again', deadlineMs });
  });

  it('are any number for those who speak for others', async (t) => {
    const clientLimit = { max: 1, workers: 1, isExempt: () => true, onRefused: assert.fail };
    const { port, listener } = await openScripted(t, (exchange) => answer(exchange), {
      settings: { clientLimit },
    });
    for (let at = 0; at < 5; at++) await connectClient(port, { context: t });
    await until(() => listener.connectionsOpen === 5, { what: 'all of them' });
  });
});
