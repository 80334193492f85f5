// The load of handshakes against a server that counts them.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createCertificate } from '../../../native-bench/harness/certificate.ts';
import type { HandshakeOrders } from '../../../native-bench/load/handshake-load.ts';
import { type LoadReport, loadFault } from '../../../native-bench/load/load-report.ts';

const script = fileURLToPath(
  new URL('../../../native-bench/load/handshake-load.ts', import.meta.url),
);

describe('the load of handshakes', () => {
  for (const isResuming of [false, true]) {
    it(`makes ${isResuming ? 'short ones with a ticket' : 'full ones alone'}`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'sluice-handshakes-'));
      const { certFile, keyFile } = createCertificate(directory);
      const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
      rmSync(directory, { recursive: true });
      let [full, resumed] = [0, 0];
      const server = createServer(pair, (socket) => {
        socket.on('error', () => {});
        if (socket.isSessionReused()) resumed += 1;
        else full += 1;
        socket.resume();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const orders: HandshakeOrders = { port, connections: 2, durationS: 0.2, isResuming };
      const { stdout } = await promisify(execFile)(process.execPath, [
        script,
        JSON.stringify(orders),
      ]);
      const report = JSON.parse(/^RESULT (.*)$/m.exec(stdout)![1]!) as LoadReport;
      assert.equal(loadFault(report), null);
      assert.deepEqual([full, resumed], isResuming ? [1, report.requests] : [report.requests, 0]);
    });
  }
});
