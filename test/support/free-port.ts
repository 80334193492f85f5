// Ports for processes that can't be told to use port 0 (several workers share one). Each handed-out port
// stays reserved among all test processes through an abstract unix socket until this process ends.

import { createServer, type ListenOptions, type Server } from 'node:net';

// Below the kernel's ephemeral range (32768 up), so that no outgoing connection takes one meanwhile.
const FIRST_PORT = 18_000;
const PORT_COUNT = 14_000;
const ATTEMPTS_MAX = 200;

/** Finds a TCP port that is free on every address and that no other test process was given. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    const reservation = await listen({ path: `\0sluice-test-port-${port}` });
    if (reservation === null) continue;
    const probe = await listen({ port, exclusive: true });
    if (probe !== null) {
      await new Promise((resolve) => probe.close(resolve));
      reservation.unref();
      return port;
    }
    reservation.close();
  }
  throw new Error(`no free port found in ${ATTEMPTS_MAX} attempts`);
}

function listen(options: ListenOptions): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(null));
    server.listen(options, () => resolve(server));
  });
}
