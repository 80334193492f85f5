// Opens many connections, lets each have one answer, and then keeps them idle until its standard input
// ends. Prints READY with the number that stand. Orders as JSON in the first argument.

import { connect, type Socket } from 'node:net';

export interface IdleOrders {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
}

/** So few are being answered at a time, so that proxies need few connections to the origin. */
const OPENING_MAX = 64;

const orders = JSON.parse(process.argv[2] ?? '') as IdleOrders;
const request = `GET ${orders.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const open: Socket[] = [];
let next = 0;

await Promise.all(Array.from({ length: OPENING_MAX }, openInTurn));
const standing = open.filter((socket) => !socket.destroyed).length;
process.stdout.write(`READY ${standing}\n`);
process.stdin.resume().once('end', () => process.exit(0));

async function openInTurn(): Promise<void> {
  while (next < orders.connections) {
    next += 1;
    await openOne();
  }
}

/** Resolves when the answer has come, or the connection has failed. */
function openOne(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: orders.port });
    let bytesLeft = Number.POSITIVE_INFINITY;
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      if (bytesLeft === Number.POSITIVE_INFINITY) bytesLeft = answerBytes(chunk);
      bytesLeft -= chunk.length;
      if (bytesLeft <= 0) resolve();
    });
    socket.write(request);
    open.push(socket);
  });
}

/** Returns the length of the whole answer; its head comes in one piece. */
function answerBytes(chunk: Buffer): number {
  const text = chunk.toString('latin1');
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  return text.indexOf('\r\n\r\n') + 4 + Number(length?.[1] ?? 0);
}
