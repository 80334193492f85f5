// The backend of the WebSocket scenario, as a process of its own: echoes every message, on
// uWebSockets.js, so that it costs its core as little as possible. The port is the first argument.

import { App } from 'uWebSockets.js';

App()
  .ws('/*', {
    maxPayloadLength: 1 << 20,
    idleTimeout: 0,
    message: (socket, message, isBinary) => {
      socket.send(message, isBinary);
    },
  })
  .listen('127.0.0.1', Number(process.argv[2]), (token) => {
    if (token === false) throw new Error(`port ${process.argv[2]} is taken`);
  });
