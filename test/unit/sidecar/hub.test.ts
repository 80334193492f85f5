// The sidecar's end of the links against honest, hostile and deaf workers.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import test, { describe } from 'node:test';
import { sidecarSocketPath } from '../../../src/channel/client.ts';
import { encodeFrame, protocolVersion } from '../../../src/channel/frame.ts';
import { until } from '../../support/deadline.ts';
import { linkWorker, specOf, startHub } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const specs = [specOf(4)];

describe('the hub', () => {
  test('closes on garbage, counts it and serves the others', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const { link, peers } = linkWorker(path, specs, context);
    await until(() => link.connected, { what: 'the link' });
    const hostile = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0]),
      encodeFrame({ kind: 'hello' })!,
      encodeFrame(['a'])!,
    ];
    for (const bytes of hostile) {
      const socket = connect(sidecarSocketPath(path));
      let isClosed = false;
      socket.on('error', () => {});
      socket.on('close', () => {
        isClosed = true;
      });
      socket.write(bytes);
      await until(() => isClosed, { what: 'the end of the hostile link' });
    }
    assert.equal(hub.counters.malformed, hostile.length);
    peers[0]!.inFlight = 1;
    link.touched(peers[0]!);
    await until(() => hub.peers[0]!.inFlight === 1, { what: 'service to the honest' });
  });

  test('closes a link that does not say hello, or says something else first', async (context) => {
    const { path } = createTempDir(context);
    await startHub(path, specs, context);
    const silent = connect(sidecarSocketPath(path));
    const rude = connect(sidecarSocketPath(path));
    const closed = new Set<Socket>();
    for (const socket of [silent, rude]) {
      socket.on('error', () => {});
      socket.on('close', () => closed.add(socket));
      socket.resume();
    }
    rude.write(encodeFrame({ kind: 'status', version: 1, draining: false })!);
    await until(() => closed.has(rude), { what: 'the end of the rude link' });
    await until(() => closed.has(silent), { what: 'the end of the silent link' });
  });

  test('does not gather news for a worker that never reads', async (context) => {
    const { path } = createTempDir(context);
    const many = [{ ...specOf(2000), peers: Array.from({ length: 2000 }, (_, at) => `app/${at}`) }];
    const { hub } = await startHub(path, many, context);
    const deaf = connect(sidecarSocketPath(path));
    context.after(() => deaf.destroy());
    deaf.pause();
    const hello = {
      kind: 'hello',
      protocol: protocolVersion,
      slot: 9,
      pid: 1,
      generation: 3,
      connection: 1,
    };
    deaf.write(encodeFrame(hello)!);
    for (let first = 0; first < 2000; first += 250) {
      const ids = many[0]!.peers.slice(first, first + 250);
      deaf.write(encodeFrame({ kind: 'peers', sequence: first + 1, first, ids })!);
    }
    const { link, peers } = linkWorker(path, many, context, { intervalMs: 1 });
    await until(() => link.connected && hub.workers.length === 2, { what: 'both links' });
    const changeAll = async (turns: number) => {
      for (let turn = 0; turn < turns; turn += 1) {
        for (const peer of peers) {
          peer.inFlight += 1;
          link.touched(peer);
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    // Until the socket takes no more, and then a good deal longer.
    const isFull = async () => {
      await changeAll(20);
      return hub.backlogBytes > 0;
    };
    await until(isFull, { what: 'a full socket', deadlineMs: 60_000 });
    await changeAll(200);
    assert.equal(hub.counters.overflows, 0);
    assert.equal(hub.workers.length, 2, 'it is kept, with its share');
    assert.ok(hub.backlogBytes < 256 * 1024, `${hub.backlogBytes}`);
    assert.ok(hub.backlogBytes > 0, 'it really did not read');
    await until(() => hub.peers[0]!.inFlight === peers[0]!.inFlight, {
      what: 'service to the other',
    });
  });

  test('holds the newer of two links of one worker for the true one', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const say = (connection: number, inFlight: number) => {
      const socket = connect(sidecarSocketPath(path));
      context.after(() => socket.destroy());
      socket.on('error', () => {});
      socket.resume();
      const hello = {
        kind: 'hello',
        protocol: protocolVersion,
        slot: 0,
        pid: 1,
        generation: 3,
        connection,
      };
      const sequence = connection * 10;
      socket.write(encodeFrame(hello)!);
      socket.write(encodeFrame({ kind: 'peers', sequence, first: 0, ids: ['app/0'] })!);
      const lists = { inFlight: [0, inFlight], outcomes: [], ejected: [], down: [], traffic: [] };
      socket.write(
        encodeFrame({ kind: 'counters', sequence: sequence + 1, baseline: true, ...lists })!,
      );
      return socket;
    };
    const inFlight = () => hub.peers.find((peer) => peer.id === 'app/0')!.inFlight;
    say(1, 1);
    await until(() => inFlight() === 1, { what: 'the first link' });
    say(3, 3);
    await until(() => inFlight() === 3, { what: 'the second link' });
    const late = say(2, 2);
    await until(() => late.destroyed || late.readableEnded, { what: 'the late link is closed' });
    assert.equal(inFlight(), 3);
    assert.deepEqual(
      hub.workers.map((worker) => worker.connection),
      [3],
    );
  });
});

describe('a scrape', () => {
  // Not what these are about.
  const patient = { scrapeTimeoutMs: 60_000 };

  test('gathers the metrics of all workers, large ones in parts', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context, patient);
    const large = new Uint8Array(3 * 1024 * 1024).map((_, at) => at % 251);
    const a = linkWorker(path, specs, context, { slot: 0, onScrape: () => large });
    const b = linkWorker(path, specs, context, { slot: 1, onScrape: () => Uint8Array.of(2) });
    await until(() => hub.workers.length === 2 && a.link.connected && b.link.connected, {
      what: 'both links',
    });
    const { answers, missing } = await hub.scrape();
    assert.deepEqual(missing, []);
    const bytes = new Map(answers.map((answer) => [answer.slot, answer.bytes]));
    assert.ok(Buffer.from(large).equals(bytes.get(0)!));
    assert.deepEqual([...bytes.get(1)!], [2]);
  });

  test('names the workers that can give none, break down, or leave', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context, patient);
    linkWorker(path, specs, context, { slot: 0, onScrape: () => Uint8Array.of(1) });
    linkWorker(path, specs, context, { slot: 1, onScrape: () => null });
    linkWorker(path, specs, context, {
      slot: 2,
      onScrape: () => {
        throw new Error('broken');
      },
    });
    const leaving = linkWorker(path, specs, context, {
      slot: 3,
      onScrape: () => {
        leaving.link.close();
        return Uint8Array.of(3);
      },
    });
    await until(() => hub.workers.length === 4, { what: 'all links' });
    const { answers, missing } = await hub.scrape();
    assert.deepEqual(
      answers.map((answer) => answer.slot),
      [0],
    );
    assert.deepEqual(missing, [1, 2, 3]);
  });

  test('ends after a second without a worker that does not answer', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    const deaf = connect(sidecarSocketPath(path));
    context.after(() => deaf.destroy());
    deaf.resume();
    const hello = { protocol: protocolVersion, slot: 5, pid: 1, generation: 3, connection: 1 };
    deaf.write(encodeFrame({ kind: 'hello', ...hello })!);
    await until(() => hub.workers.length === 1, { what: 'the link' });
    const startedAtMs = performance.now();
    const [one, two] = await Promise.all([hub.scrape(), hub.scrape()]);
    assert.equal(one, two, 'two who ask share one round');
    assert.deepEqual(one, { answers: [], missing: [5] });
    const tookMs = performance.now() - startedAtMs;
    assert.ok(tookMs > 900, `${tookMs}`);
  });

  test('of nobody is empty at once', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHub(path, specs, context);
    assert.deepEqual(await hub.scrape(), { answers: [], missing: [] });
  });
});
