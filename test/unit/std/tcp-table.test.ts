// Reading Linux's table of connections.

import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { networkOf } from '../../../src/std/network-of.ts';
import { connectedTo, parseTcpTable } from '../../../src/std/tcp-table.ts';
import { until } from '../../support/deadline.ts';

const V4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:1F90 020200C0:C350 01 00000000:00000000 00:00000000 00000000     0
  12: 0100007F:1F90 030200C0:C351 06 00000000:00000000 03:00000F5C 00000000     0
 113: 0100007F:1F91 020200C0:C352 01 00000000:00000000 00:00000000 00000000     0
`;
const V6 = `  sl  local_address                         remote_address
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0:0
   1: B80D01200000000000000000A0000000:1F90 B80D0120000000000000000001000000:C350 01 0:0
   2: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF0000020200C0:C350 01 0:0
`;

describe('the table of connections', () => {
  it('tells who is connected to a port, in both families', () => {
    assert.deepEqual(parseTcpTable(V4, 8080), ['192.0.2.2']);
    assert.deepEqual(parseTcpTable(V4, 8081), ['192.0.2.2']);
    const [own, mapped] = parseTcpTable(V6, 8080);
    assert.equal(networkOf(own!), '2001:db8:0:0');
    assert.equal(mapped, '192.0.2.2');
  });

  it('is what this machine has, where it has one', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const client = connect({ port, host: '127.0.0.1' });
    t.after(() => client.destroy());
    const open = async () => (await connectedTo(port))?.join();
    await until(async () => (await open()) === '127.0.0.1', { what: 'the connection' });
    client.destroy();
    await until(async () => (await open()) === '', { what: 'its end' });
  });
});
