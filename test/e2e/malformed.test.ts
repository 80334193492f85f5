// The corpus of malformed requests through the whole proxy: the expected outcome, nothing
// smuggled to the peer, and an honest client is served afterwards.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { request } from '../support/client.ts';
import { type Origin, onEachRequest, sizedResponse, startOrigin } from '../support/origin.ts';
import { engineUnderTest, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import type { BadRequest } from './corpus/bad-request.ts';
import { nodeOutcome } from './corpus/node-outcomes.ts';
import { expected, type Pace, play } from './corpus/play.ts';
import { badRequests } from './corpus/requests.ts';

const suite = suiteCleanup();
const isNode = engineUnderTest() === 'node';
let sluice: Sluice;
let origin: Origin;

before(async () => {
  origin = await startOrigin(
    onEachRequest((connection) => connection.send(sizedResponse('hello'))),
    { context: suite },
  );
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: { app: { peers: [origin.url] } },
      routes: [{ to: 'app' }],
      // The second is for the engine node alone: how soon its connections end when nothing follows.
      timeouts: { requestBodyIdleMs: '1s', clientIdleMs: '1s' },
    },
    { context: suite },
  );
});

// Byte by byte, the contract suite has played them on the engine node.
const paces: readonly Pace[] = isNode ? ['in one segment'] : ['in one segment', 'byte by byte'];
for (const pace of paces) {
  describe(`malformed requests, ${pace}`, { concurrency: isNode }, () => {
    for (const bad of badRequests) {
      if (isLeftToWait(bad) || (pace === 'byte by byte' && bad.onlyAtOnce !== undefined)) continue;
      it(`answers as it should: ${bad.name}`, () => check(bad, pace));
    }
  });
}

// These take the engine uws its own 12 s, all of them together.
const skip = isNode;
describe('malformed requests that the engine lets wait', { concurrency: true, skip }, () => {
  for (const bad of badRequests) {
    if (bad.isSilent !== true) continue;
    it(`closes: ${bad.name}`, async () => {
      const pace = 'in one segment';
      assert.equal(await play(sluice.port, bad, pace), expected(bad, pace).outcome);
    });
  }
});

/** On the engine node, those that nothing but a time-out ends are in the contract suite. */
function isLeftToWait(bad: BadRequest): boolean {
  return isNode ? nodeOutcome(bad).outcome === 408 : bad.isSilent === true;
}

async function check(bad: BadRequest, pace: Pace): Promise<void> {
  const want = isNode ? nodeOutcome(bad) : expected(bad, pace);
  const outcome = await play(sluice.port, bad, pace);
  // A client that goes on sending when it has been answered and the connection closed may lose the answer
  // to the reset (RFC 9112 section 9.6); and where a segment happens to end in the last words of a request
  // line, the engine answers 505 to anything. Between two processes both are a matter of luck.
  const isLuck = pace === 'byte by byte' && (outcome === 'close' || outcome === 505);
  if (!isLuck) assert.equal(outcome, want.outcome);
  const honest = await request(sluice.port, { target: '/honest' });
  assert.equal(honest.body.toString(), 'hello');
  // HTTP/1.1 lets clients pipeline: there, what follows is no part of the request.
  if (isNode) return;
  const smuggled = origin.requests.filter(({ target }) => target.includes('smuggled'));
  assert.deepEqual(smuggled, []);
}
