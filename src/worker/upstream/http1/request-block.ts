// The memory in which a request with a small body is put together, so that head and body leave in one write.

import type { Socket } from 'node:net';

/** Room for the longest head by default and the largest body that is joined to it. */
const BLOCK_BYTES = 64 * 1024;

export class RequestBlock {
  #bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);

  /** Writes both to a socket without TLS, which would keep the block until later each time. */
  send(socket: Socket, head: string, body: Uint8Array): void {
    const length = head.length + body.length;
    const isFitting = length <= BLOCK_BYTES;
    const bytes = isFitting ? this.#bytes : Buffer.allocUnsafeSlow(length);
    bytes.write(head, 0, 'latin1');
    bytes.set(body, head.length);
    socket.write(bytes.subarray(0, length));
    // Mostly the kernel has all of it by now. If not, the socket goes on with this block.
    if (isFitting && socket.writableLength > 0) this.#bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }
}
