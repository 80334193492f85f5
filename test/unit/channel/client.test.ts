// A worker's end of the link: against a real hub, against sidecars that die, lie and freeze.

import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import test, { describe, type TestContext } from 'node:test';
import { sidecarSocketPath } from '../../../src/channel/client.ts';
import { encodeFrame, protocolVersion } from '../../../src/channel/frame.ts';
import { until } from '../../support/deadline.ts';
import { linkWorker, makePeer, specOf, startHub } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const specs = [specOf(4)];
/** Their ejections last long enough to be seen on a machine that stalls. */
const slow = [specOf(4, 2000)];

/** A sidecar that says welcome and then only what the test says. */
async function startScripted(directory: string, context: TestContext) {
  const sockets: Socket[] = [];
  let received = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.write(encodeFrame({ kind: 'welcome', protocol: protocolVersion, pid: 1 })!);
  });
  await new Promise<void>((resolve) => server.listen(sidecarSocketPath(directory), resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { sockets, received: () => received };
}

describe('the link of a worker', () => {
  test('shares its counters with every other worker', async (context) => {
    const { path } = createTempDir(context);
    await startHub(path, specs, context);
    const a = linkWorker(path, specs, context, { slot: 0 });
    const b = linkWorker(path, specs, context, { slot: 1 });
    a.peers[2]!.inFlight = 3;
    a.link.touched(a.peers[2]!);
    await until(() => b.peers[2]!.inFlightElsewhere === 3, { what: 'the counter at the other' });
    assert.equal(a.peers[2]!.inFlightElsewhere, 0);
    a.peers[2]!.inFlight = 0;
    a.link.touched(a.peers[2]!);
    await until(() => b.peers[2]!.inFlightElsewhere === 0, { what: 'its end at the other' });
  });

  test('drops the share of a worker that is gone at once', async (context) => {
    const { path } = createTempDir(context);
    const { left } = await startHub(path, specs, context);
    const a = linkWorker(path, specs, context, { slot: 0 });
    const b = linkWorker(path, specs, context, { slot: 1 });
    a.peers[0]!.inFlight = 3;
    a.link.touched(a.peers[0]!);
    await until(() => b.peers[0]!.inFlightElsewhere === 3, { what: 'the counter' });
    a.link.close();
    await until(() => b.peers[0]!.inFlightElsewhere === 0, { what: 'the loss' });
    assert.deepEqual(
      left.map((worker) => worker.slot),
      [0],
    );
  });

  test('says nothing while nothing changes, and batches what changes fast', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const { link, peers } = linkWorker(path, specs, context);
    await until(() => link.connected, { what: 'the link' });
    const quiet = async () => {
      let before = -1;
      await until(
        async () => {
          const now = hub.counters.messagesIn + hub.counters.messagesOut;
          const isQuiet = now === before;
          before = now;
          await new Promise((resolve) => setTimeout(resolve, 50));
          return isQuiet;
        },
        { what: 'silence' },
      );
    };
    await quiet();
    const before = link.counters.messagesOut;
    const startedAtMs = performance.now();
    while (performance.now() - startedAtMs < 200) {
      for (const peer of peers) {
        peer.inFlight += 1;
        link.touched(peer);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const elapsedMs = performance.now() - startedAtMs;
    await quiet();
    const batches = link.counters.messagesOut - before;
    assert.ok(batches >= 2 && batches <= elapsedMs / 10 + 4, `${batches} in ${elapsedMs} ms`);
    assert.equal(hub.peers[0]!.inFlight, peers[0]!.inFlight);
  });

  test('tells a new sidecar everything, and is degraded only in between', async (context) => {
    const { path } = createTempDir(context);
    const first = await startHub(path, specs, context);
    const changes: boolean[] = [];
    const onConnectedChange = (connected: boolean) => changes.push(connected);
    const a = linkWorker(path, specs, context, { slot: 0, onConnectedChange });
    const b = linkWorker(path, specs, context, { slot: 1 });
    a.peers[1]!.inFlight = 2;
    a.link.touched(a.peers[1]!);
    a.link.setStatus(7, false);
    await until(() => b.peers[1]!.inFlightElsewhere === 2, { what: 'the counter' });
    await first.close();
    await until(() => !a.link.connected, { what: 'the loss is noticed' });
    a.peers[1]!.inFlight = 5;
    a.link.touched(a.peers[1]!);
    const second = await startHub(path, specs, context);
    await until(() => b.peers[1]!.inFlightElsewhere === 5, { what: 'the counter again' });
    assert.deepEqual(changes, [true, false, true]);
    assert.equal(second.hub.workers.find((worker) => worker.slot === 0)!.version, 7);
    assert.equal(a.link.counters.losses, 1);
  });

  test('connects whenever the sidecar comes, however late', async (context) => {
    const { path } = createTempDir(context);
    const { link } = linkWorker(path, specs, context);
    await until(() => link.counters.connects === 0 && !link.connected, { what: 'no sidecar' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await startHub(path, specs, context);
    await until(() => link.connected, { what: 'the link' });
  });

  test('ejects for all workers what one of them sees fail, at once', async (context) => {
    const { path } = createTempDir(context);
    await startHub(path, slow, context);
    const a = linkWorker(path, slow, context, { slot: 0 });
    const b = linkWorker(path, slow, context, { slot: 1 });
    await until(() => a.link.connected && b.link.connected, { what: 'both links' });
    for (let time = 0; time < 5; time++) a.link.failed(a.peers[3]!);
    const failedAtMs = performance.now();
    await until(() => !b.peers[3]!.healthy && !a.peers[3]!.healthy, { what: 'the ejection' });
    // How soon is for people to see: a busy machine must not fail a test.
    context.diagnostic(`after ${Math.round(performance.now() - failedAtMs)} ms`);
    await until(() => b.peers[3]!.healthy && a.peers[3]!.healthy, { what: 'its end' });
  });

  test('does not eject what does well at another worker', async (context) => {
    const { path } = createTempDir(context);
    await startHub(path, specs, context);
    const a = linkWorker(path, specs, context, { slot: 0 });
    const b = linkWorker(path, specs, context, { slot: 1 });
    await until(() => a.link.connected && b.link.connected, { what: 'both links' });
    for (let round = 0; round < 3; round++) {
      for (let time = 0; time < 4; time++) a.link.failed(a.peers[0]!);
      await until(() => b.peers[0]!.failuresInRow > 0, { what: 'suspicion at the other' });
      b.link.succeeded(b.peers[0]!);
      await until(() => a.peers[0]!.failuresInRow === 0, { what: 'suspicion ends' });
    }
    assert.deepEqual([a.peers[0]!.healthy, b.peers[0]!.healthy], [true, true]);
  });

  test('judges alone while there is no sidecar, and tells the next one', async (context) => {
    const { path } = createTempDir(context);
    const { link, peers } = linkWorker(path, slow, context);
    for (let time = 0; time < 5; time++) link.failed(peers[0]!);
    assert.equal(peers[0]!.healthy, false, 'at once');
    for (const peer of peers) for (let time = 0; time < 9; time++) link.failed(peer);
    assert.equal(peers.filter((peer) => peer.healthy).length, 2, 'never more than half');
    const { hub } = await startHub(path, slow, context);
    const other = linkWorker(path, slow, context, { slot: 1 });
    await until(() => !other.peers[0]!.healthy, { what: 'the ejection elsewhere' });
    assert.equal(hub.peers.find((peer) => peer.id === 'app/0')!.timesEjected, 1);
    await until(() => peers[0]!.healthy && other.peers[0]!.healthy, { what: 'its end' });
  });

  test('keeps health without a sidecar until an ejection is over', async (context) => {
    const { path } = createTempDir(context);
    const { close } = await startHub(path, slow, context);
    const { link, peers } = linkWorker(path, slow, context);
    await until(() => link.connected, { what: 'the link' });
    for (let time = 0; time < 5; time++) link.failed(peers[0]!);
    await until(() => !peers[0]!.healthy, { what: 'the ejection' });
    await close();
    await until(() => !link.connected, { what: 'the loss' });
    assert.equal(peers[0]!.healthy, false);
    await until(() => peers[0]!.healthy, { what: 'the end of the ejection' });
    assert.equal(link.connected, false);
  });

  test('forgets what others had in flight when nobody tells any more', async (context) => {
    const { path } = createTempDir(context);
    const { close } = await startHub(path, specs, context);
    const fade = { holdMs: 2000, stepMs: 20 };
    const a = linkWorker(path, specs, context, { slot: 0, fade });
    const b = linkWorker(path, specs, context, { slot: 1 });
    b.peers[0]!.inFlight = 9;
    b.link.touched(b.peers[0]!);
    await until(() => a.peers[0]!.inFlightElsewhere === 9, { what: 'the counter' });
    await close();
    await until(() => !a.link.connected, { what: 'the loss' });
    assert.equal(a.peers[0]!.inFlightElsewhere, 9, 'kept at first');
    await until(() => a.peers[0]!.inFlightElsewhere === 0, { what: 'forgotten' });
  });

  test('gives up a sidecar that does not answer, without sending it ever more', async (context) => {
    const { path } = createTempDir(context);
    const { sockets, received } = await startScripted(path, context);
    const { link, peers } = linkWorker(path, specs, context);
    await until(() => link.connected, { what: 'the link' });
    await until(
      () => {
        for (const peer of peers) {
          peer.inFlight += 1;
          link.touched(peer);
        }
        return link.counters.silences > 0;
      },
      { what: 'it is given up' },
    );
    assert.equal(link.counters.silences, 1);
    assert.ok(received() < 4000, `${received()} bytes for one and the same news`);
    await until(() => sockets.length > 1, { what: 'another try' });
  });

  test('closes on garbage from the sidecar, counts it and tries again', async (context) => {
    const { path } = createTempDir(context);
    const { sockets } = await startScripted(path, context);
    const { link } = linkWorker(path, specs, context);
    await until(() => link.connected, { what: 'the link' });
    sockets[0]!.write('HTTP/1.1 200 OK\r\n\r\n');
    await until(() => link.counters.malformed === 1, { what: 'the count' });
    await until(() => sockets.length === 2 && link.connected, { what: 'a new link' });
  });

  test('follows a new configuration: kept peers keep their counters, others are forgotten', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const { link, peers } = linkWorker(path, specs, context);
    peers[0]!.inFlight = 2;
    link.touched(peers[0]!);
    await until(() => hub.peers[0]!.inFlight === 2, { what: 'the counter' });
    const next = [{ ...specs[0]!, peers: ['app/0', 'app/new'] }];
    const added = makePeer('app/new', 'app');
    hub.install(next);
    link.install(next, [peers[0]!, added]);
    added.inFlight = 1;
    link.touched(added);
    await until(() => hub.peers.length === 2 && hub.peers[1]!.inFlight === 1, {
      what: 'the new peer',
    });
    assert.deepEqual(
      hub.peers.map((peer) => [peer.id, peer.inFlight]),
      [
        ['app/0', 2],
        ['app/new', 1],
      ],
    );
    assert.equal(peers[1]!.ledgerNumber, -1);
  });

  test('leaves nothing behind when it is closed', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const { link } = linkWorker(path, specs, context);
    await until(() => hub.workers.length === 1, { what: 'the link' });
    link.close();
    await until(() => hub.workers.length === 0, { what: 'its end' });
    const { connects } = link.counters;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(link.counters.connects, connects);
  });
});
