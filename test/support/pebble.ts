// Pebble, the authority that Let's Encrypt tests clients with, and its DNS server: every name is 127.0.0.1.
// It refuses nonces and forgets authorizations by chance, as clients have to bear.

import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createAuthority } from './certificates.ts';
import type { Cleanup } from './deadline.ts';
import { type ForeignServer, startForeignServer } from './foreign-server.ts';
import { freePort } from './free-port.ts';
import { askHttp } from './sluice.ts';
import { createTempDir } from './temp-dir.ts';

export interface PebbleOptions {
  readonly context: Cleanup;
  /** Where it looks for proofs, in place of 80 and 443. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Percent of good nonces that are refused. */
  readonly noncesRefused?: number;
  /** Life of certificates. */
  readonly validityS?: number;
  /** Keys (base64url) by id; with any, every account must be bound to one. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
}

export interface Pebble {
  readonly server: ForeignServer;
  /** URL of the directory. */
  readonly directory: string;
  /** What its own https is signed by. */
  readonly caFile: string;
  /** Port for management of its DNS server. */
  readonly dnsPort: number;
  /** PEM of the root that certificates are signed by. */
  root(): Promise<string>;
  /** `Valid` or `Revoked`. */
  statusOf(serial: string): Promise<string>;
}

export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const { context, httpPort, tlsPort, externalAccounts } = options;
  const folder = createTempDir(context);
  const authority = createAuthority(context);
  const { key, cert } = authority.issue('127.0.0.1');
  writeFileSync(folder.file('key.pem'), key);
  writeFileSync(folder.file('cert.pem'), cert);
  writeFileSync(folder.file('ca.pem'), authority.ca);
  const [port, managementPort, dnsPort, dnsManagementPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: folder.file('cert.pem'),
    privateKey: folder.file('key.pem'),
    httpPort,
    tlsPort,
    ocspResponderURL: '',
    externalAccountBindingRequired: externalAccounts !== undefined,
    ...(externalAccounts === undefined ? {} : { externalAccountMACKeys: externalAccounts }),
    ...(options.validityS === undefined ? {} : { certificateValidityPeriod: options.validityS }),
  };
  writeFileSync(folder.file('pebble.json'), JSON.stringify({ pebble }));
  await startForeignServer(
    'pebble-challtestsrv',
    [
      ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', ''],
      ...['-tlsalpn01', '', '-dns01', `127.0.0.1:${dnsPort}`],
      ...['-management', `127.0.0.1:${dnsManagementPort}`],
    ],
    { context, isUp: () => answers(() => askHttp(dnsManagementPort, '/')) },
  );
  const ask = (path: string) => getText(managementPort, path, authority.ca);
  const server = await startForeignServer(
    'pebble',
    ['-config', folder.file('pebble.json'), '-dnsserver', `127.0.0.1:${dnsPort}`, '-strict'],
    {
      context,
      env: {
        PEBBLE_VA_NOSLEEP: '1',
        PEBBLE_WFE_NONCEREJECT: String(options.noncesRefused ?? 30),
        PEBBLE_AUTHZREUSE: '0',
      },
      isUp: () => answers(() => ask('/roots/0')),
    },
  );
  return {
    server,
    directory: `https://127.0.0.1:${port}/dir`,
    caFile: folder.file('ca.pem'),
    dnsPort: dnsManagementPort,
    root: () => ask('/roots/0'),
    async statusOf(serial) {
      const found = JSON.parse(await ask(`/cert-status-by-serial/${serial.toLowerCase()}`));
      return String(found.Status);
    },
  };
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  return ask().then(
    () => true,
    () => false,
  );
}

function getText(port: number, path: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ port, path, ca, host: '127.0.0.1', agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve(text));
    });
    asked.on('error', reject);
  });
}
