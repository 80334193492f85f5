// One end of a link against a raw socket at the other.

import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import test, { describe, type TestContext } from 'node:test';
import { encodeFrame, FrameDecoder } from '../../../src/channel/frame.ts';
import { createLinkCounters, Link, type LinkEnd } from '../../../src/channel/link.ts';
import type { Scrape } from '../../../src/channel/messages.ts';
import { limits } from '../../../src/core/limits.ts';
import { createSignal, until, withDeadline } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';

interface Bench {
  readonly link: Link<Scrape, unknown>;
  readonly raw: Socket;
  readonly counters: ReturnType<typeof createLinkCounters>;
  readonly messages: Scrape[];
  readonly ended: Promise<LinkEnd>;
  readonly closes: LinkEnd[];
}

async function open(
  context: TestContext,
  backlogBytesMax = limits.linkBacklogBytes,
): Promise<Bench> {
  const path = createTempDir(context).file('link.sock');
  const accepted = createSignal<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const raw = connect(path);
  raw.on('error', () => {});
  const counters = createLinkCounters();
  const messages: Scrape[] = [];
  const closes: LinkEnd[] = [];
  const ended = createSignal<LinkEnd>();
  const link = new Link<Scrape, unknown>(await accepted.promise, {
    counters,
    parse: (value) => (typeof value === 'object' ? (value as Scrape) : null),
    onMessage: (message) => messages.push(message),
    onClose: (end) => {
      closes.push(end);
      ended.resolve(end);
    },
    backlogBytesMax,
  });
  context.after(() => {
    raw.destroy();
    link.end();
    server.close();
  });
  return { link, raw, counters, messages, ended: ended.promise, closes };
}

describe('a link', () => {
  test('carries messages in order, both ways', async (context) => {
    const { link, raw, messages, counters } = await open(context);
    const decoder = new FrameDecoder();
    const seen: unknown[] = [];
    raw.on('data', (chunk) => {
      decoder.push(chunk, (value) => seen.push(value) > 0);
    });
    for (let id = 0; id < 100; id++) {
      raw.write(encodeFrame({ kind: 'scrape', id })!);
      assert.equal(link.send({ id }), true);
    }
    await until(() => messages.length === 100 && seen.length === 100, { what: 'all messages' });
    assert.deepEqual(
      messages.map((message) => message.id),
      Array.from({ length: 100 }, (_, id) => id),
    );
    assert.deepEqual(
      seen,
      messages.map(({ id }) => ({ id })),
    );
    assert.deepEqual([counters.messagesIn, counters.messagesOut], [100, 100]);
  });

  const garbage: Record<string, Uint8Array> = {
    'a request of HTTP': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    zeroes: Buffer.alloc(1000),
    'a huge length': Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
    'a value that is no message': encodeFrame(42)!,
  };
  for (const [name, bytes] of Object.entries(garbage)) {
    test(`closes on ${name}, once, and counts it`, async (context) => {
      const { link, raw, counters, ended, closes, messages } = await open(context);
      raw.write(bytes);
      raw.write(encodeFrame({ kind: 'scrape', id: 1 })!);
      assert.equal(await withDeadline(ended, 5000, 'the link closes'), 'malformed');
      assert.equal(counters.malformed, 1);
      assert.equal(link.send({}), false);
      assert.deepEqual(closes, ['malformed']);
      assert.deepEqual(messages, [], 'what came after is not looked at');
    });
  }

  test('closes when the other side does not read, and never holds more than its bound', async (context) => {
    const bound = 256 * 1024;
    const { link, raw, counters, ended } = await open(context, bound);
    raw.pause();
    let most = 0;
    let sent = 0;
    while (link.send({ text: 'x'.repeat(10_000) })) {
      sent += 1;
      most = Math.max(most, link.backlogBytes);
      assert.ok(sent < 10_000, 'it ends');
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await withDeadline(ended, 5000, 'the link closes'), 'overflow');
    assert.equal(counters.overflows, 1);
    assert.ok(most <= bound, `${most}`);
  });

  test('refuses a message that no frame can hold and stays open', async (context) => {
    const { link, counters } = await open(context);
    assert.equal(link.send({ bytes: new Uint8Array(limits.frameBytes) }), false);
    assert.equal(counters.oversized, 1);
    assert.equal(link.send({ id: 1 }), true);
  });

  test('ends after its last message when the other side reads', async (context) => {
    const { link, raw, ended } = await open(context);
    const decoder = new FrameDecoder();
    const seen: unknown[] = [];
    raw.on('data', (chunk) => {
      decoder.push(chunk, (value) => seen.push(value) > 0);
    });
    link.end({ last: true });
    assert.equal(await withDeadline(ended, 5000, 'the link closes'), 'ended');
    await until(() => seen.length === 1, { what: 'the last message' });
  });

  test('ends although the other side does not read its last message', async (context) => {
    const { link, raw, ended } = await open(context);
    raw.pause();
    while (link.backlogBytes === 0) {
      link.send({ text: 'x'.repeat(100_000) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    link.end({ last: true }, 20);
    assert.equal(await withDeadline(ended, 5000, 'the link closes'), 'ended');
  });

  test('tells when the other side closed', async (context) => {
    const { raw, ended } = await open(context);
    raw.destroy();
    assert.equal(await withDeadline(ended, 5000, 'the link closes'), 'closed');
  });
});
