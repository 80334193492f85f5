// A response of our own that is never answered, on a connection from this process to itself. Inside of its
// cork another response can be upgraded as the engine wants it, "from within a corked callback", without
// being corked itself.
//
// Why: behind the cork of a response that was upgraded the engine takes the socket, a WebSocket by then at
// the same address, for the response that it was, and now and then shuts it down (1 of 1,200; mended in
// later engines, C++ fe7c01a). An upgrade outside of any cork is safe too, but the engine prints a warning
// for each, right into the events on standard error.

import * as uws from 'uWebSockets.js';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export class UpgradeShelter {
  readonly #app: uws.TemplatedApp;
  readonly #client: Socket;
  #token: uws.us_listen_socket | null = null;
  #response: uws.HttpResponse | null = null;

  /** Is of use a moment later; until then, or when it can't be had, upgrades happen outside. */
  constructor() {
    // Whoever else finds the port, before it closes again, does not know the path.
    const path = `/${randomBytes(16).toString('hex')}`;
    this.#app = uws.App().get(path, (response) => {
      response.onAborted(() => {
        this.#response = null;
      });
      this.#response = response;
      this.#closePort();
    });
    this.#app.listen('127.0.0.1', 0, (token) => {
      if (token !== false) this.#token = token as uws.us_listen_socket;
    });
    const port = this.#token === null ? 0 : uws.us_socket_local_port(this.#token);
    this.#client = connect({ host: '127.0.0.1', port });
    this.#client.on('error', () => this.#closePort());
    this.#client.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    this.#client.unref();
  }

  /** Calls `upgrade` once, before it returns. */
  run(upgrade: () => void): void {
    if (this.#response === null) upgrade();
    else this.#response.cork(upgrade);
  }

  close(): void {
    this.#closePort();
    this.#client.destroy();
  }

  #closePort(): void {
    if (this.#token !== null) uws.us_listen_socket_close(this.#token);
    this.#token = null;
  }
}
