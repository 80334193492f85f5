// Requests that are put together in one block of memory for all sockets.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { RequestBlock } from '../../../../../src/worker/upstream/http1/request-block.ts';

const HEAD = 'POST /é HTTP/1.1\r\n\r\n';

/** A socket to a peer that reads nothing before `received` is called, which gives all that has been sent. */
async function slowPeer(): Promise<{ socket: Socket; received: () => Promise<string> }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [peer] = await accepted;
  const received = async () => {
    socket.end();
    let text = '';
    peer.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    peer.resume();
    await once(peer, 'end');
    peer.destroy();
    server.close();
    return text;
  };
  return { socket, received };
}

describe('request block', () => {
  it('puts head and body together as octets', async () => {
    const { socket, received } = await slowPeer();
    const block = new RequestBlock();
    block.send(socket, HEAD, Uint8Array.of(0, 10, 255));
    block.send(socket, HEAD, new Uint8Array(0));
    assert.equal(await received(), `${HEAD}\0\n\xff${HEAD}`);
  });

  it('takes a head that is longer than the block', async () => {
    const { socket, received } = await slowPeer();
    const head = 'h'.repeat(100_000);
    new RequestBlock().send(socket, head, Buffer.from('body'));
    assert.equal(await received(), `${head}body`);
  });

  it('leaves alone what a socket could not write yet', async () => {
    const { socket, received } = await slowPeer();
    const block = new RequestBlock();
    let expected = '';
    // Until the kernel takes no more, and a few times after that.
    for (let sent = 0, after = 0; after < 3; sent++) {
      const body = Buffer.alloc(16 * 1024, 97 + (sent % 26));
      block.send(socket, HEAD, body);
      expected += HEAD + body.toString('latin1');
      if (socket.writableLength > 0) after += 1;
    }
    assert.ok((await received()) === expected);
  });
});
