// A request body that is still on its way when the response begins.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../../support/deadline.ts';
import { startOrigin } from '../../../../support/origin.ts';
import { FedBody, makePeer } from '../../support/attempts.ts';
import { createPools, createUpstream, send } from './support.ts';

const PIECE = Buffer.alloc(2 ** 16);
const PIECES_MAX = 2 ** 10;

describe('an upload beside its response', () => {
  it('takes no time limit away from the response, when it was held up and went on', async (t) => {
    const clock = { now: 1000, nowMs: () => clock.now, wallMs: () => clock.now };
    const origin = await startOrigin(
      async (connection) => {
        await connection.head();
        connection.pause();
        await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nO');
      },
      { context: t },
    );
    const upstream = createUpstream(createPools(t, clock));
    const body = new FedBody();
    const { attempt } = send(upstream, makePeer(origin.port), { method: 'POST', body });
    await until(() => attempt.byteCount > 0, { what: 'the beginning of the response' });
    for (let sent = 0; body.feed(PIECE); sent++) assert.ok(sent < PIECES_MAX, 'never held up');
    origin.connections[0]!.resume();
    await until(() => !body.isPaused, { what: 'the body goes on' });
    body.finish();
    assert.equal(attempt.isOver, false);
    clock.now += 600_000;
    await attempt.over();
    assert.equal(attempt.calls.at(-1), 'done body_timeout');
  });
});
