// Every example of config/ is run as it is, on other ports and with other backends, and serves a request.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer, get as getSecurely } from 'node:https';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { authorityFiles } from '../../src/config/internal-authority.ts';
import { request } from '../support/client.ts';
import { DEADLINE_MS, until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { startPhpFpm } from '../support/php-fpm.ts';
import { killTree } from '../support/process-tree.ts';
import { serveAuthority } from '../support/served-authority.ts';
import { askHttp } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const CONFIG = new URL('../../config/', import.meta.url).pathname;
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const OTHERS = /\.(?:schema\.json|html|plugin\.ts)$/;
const files = readdirSync(CONFIG).filter((name) => !OTHERS.test(name));
/** What plain backends were asked, and which of them. */
const seen: { at: number; url: string; host: string | undefined; realIp: unknown }[] = [];
/** Peers of one upstream must differ. */
const plainUrls: string[] = [];
let secureUrl = '';
let caFile = '';
let keyFile = '';

before(async () => {
  for (let at = 0; at < 4; at++) {
    const take = ({ url = '', headers }: IncomingMessage, answer: ServerResponse) => {
      seen.push({ at, url, host: headers.host, realIp: headers['x-real-ip'] });
      answer.end('served');
    };
    plainUrls.push((await startHttpOrigin(take, { context: suite })).url);
  }
  const folder = createTempDir();
  suite.after(() => folder.remove());
  const [key, cert] = [folder.file('key.pem'), folder.file('cert.pem')];
  const names = 'subjectAltName=DNS:app.internal,IP:127.0.0.1';
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...[
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '2',
        '-subj',
        '/CN=app.internal',
        '-addext',
        names,
      ],
    ],
    { stdio: 'ignore' },
  );
  const options = { key: readFileSync(key), cert: readFileSync(cert) };
  const secure = createTlsServer(options, (_, answer) => answer.end('served'));
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  suite.after(() => secure.close());
  secureUrl = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
  caFile = cert;
  keyFile = key;
});

describe('examples under config/', () => {
  for (const file of files) {
    it(`runs ${file}`, async (context) => {
      const ownFiles = certificateChanges(file);
      const { listeners, upstreams, routes, cache } = effectiveConfig(file, ownFiles);
      const [port, adminPort] = [await freePort(), await freePort()];
      const changes = [`listeners[0].port=${port}`, 'listeners[0].host=127.0.0.1', 'cores=1'];
      changes.push(...ownFiles);
      const isInternal = usesLocalAuthority(file);
      const storage = createTempDir(context).file('state');
      if (isInternal) changes.push(`certificates.storage=${storage}`);
      const authority = usesAuthority(file) ? await serveAuthority(context) : null;
      if (authority !== null) {
        const first = 'certificates.acme.authorities[0]';
        changes.push(`certificates.storage=${storage}`);
        changes.push(`${first}.directory=${authority.settings.directory}`);
        changes.push(`${first}.caFile=${authority.settings.caFile}`);
        if (listeners[0]?.tls?.automatic?.onDemand) {
          changes.push(`listeners[0].tls.automatic.onDemand.ask=${plainUrls[0]}`);
        }
      }
      if (cache.disk !== null) changes.push(`cache.disk.path=${storage}`);
      const isSecured = ownFiles.length > 0 || isInternal || authority !== null;
      if (isSecured) changes.push(`listeners[0].tls.redirectFrom=${await freePort()}`);
      for (const [at] of listeners.slice(1).entries()) {
        changes.push(`listeners[${at + 1}].port=${await freePort()}`);
      }
      for (const [name, upstream] of Object.entries(upstreams)) {
        for (const [at, { url }] of upstream.peers.entries()) {
          const isSecure = url.startsWith('https:');
          if (url.startsWith('fastcgi')) {
            const php = await startPhpFpm(context, { 'index.php': '<?php echo "served";' });
            changes.push(`upstreams.${name}.peers[${at}].url=fastcgi+unix:${php.socket}`);
            changes.push(`upstreams.${name}.fastcgi.root=${php.root}`);
            continue;
          }
          changes.push(
            `upstreams.${name}.peers[${at}].url=${isSecure ? secureUrl : plainUrls[at]}`,
          );
          if (isSecure) changes.push(`upstreams.${name}.tls.caFile=${caFile}`);
        }
      }
      const child = spawn(
        process.execPath,
        [MAIN, 'run', CONFIG + file, '--admin', `127.0.0.1:${adminPort}`, ...flags(changes)],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      );
      let output = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      context.after(() => killTree(child.pid!));
      const isReady = () =>
        askHttp(adminPort, '/readyz').then(
          ({ status }) => status === 200,
          () => false,
        );
      await until(isReady, {
        what: `${file} is ready`,
        deadlineMs: 2 * DEADLINE_MS,
        evidence: () => output,
      });
      const { host, path, method } = routes[0]!.match;
      if (authority !== null) {
        const trusted = `${storage}.pem`;
        writeFileSync(trusted, authority.fake.root);
        const name = host[0] ?? 'shop.customer.example';
        const isServed = () =>
          askSecurely(port, trusted, name).then(
            ({ text }) => text === 'served',
            () => false,
          );
        await until(isServed, { what: `${name} is served`, evidence: () => output });
        return;
      }
      if (isSecured) {
        const trusted = isInternal ? authorityFiles(storage).root : caFile;
        assert.deepEqual(await askSecurely(port, trusted), { status: 200, text: 'served' });
        return;
      }
      const answer = await request(port, {
        host: host[0]?.replace('*.', 'a.') ?? 'example.com',
        target: path[0]?.replace('*', 'x') ?? '/',
        method: method[0] ?? 'GET',
      });
      assert.equal(answer.status, 200, answer.body.toString());
      assert.equal(answer.body.toString(), 'served');
      await classics[file]?.(port, storage);
    });
  }
});

/** What the setups that everybody begins with are for. */
const classics: Readonly<Record<string, (port: number, storage: string) => Promise<void>>> = {
  async 'cache.yaml'(port, storage) {
    const isOnDisk = async () => {
      await request(port, { target: '/images/kept.png' });
      if (!existsSync(storage)) return false;
      const names = readdirSync(storage, { recursive: true, encoding: 'utf8' });
      return names.some((name) => /\/[0-9a-f]{40}$/.test(name));
    };
    await until(isOnDisk, { what: 'an image on disk' });
  },
  async 'one-application.yaml'(port) {
    await request(port, { host: 'shop.example', target: '/a?b', fields: ['X-Real-IP: 1.2.3.4'] });
    const wanted = { at: 0, url: '/a?b', host: 'shop.example', realIp: '127.0.0.1' };
    assert.deepEqual(seen.at(-1), wanted);
  },
  async 'two-backends.yaml'(port) {
    await until(
      async () => {
        const before = seen.length;
        for (let at = 0; at < 20; at++) await request(port, { target: '/' });
        return new Set(seen.slice(before).map(({ at }) => at)).size === 2;
      },
      { what: 'requests at both' },
    );
  },
  async 'cached-images.yaml'(port) {
    const asked = () => seen.filter(({ url }) => url === '/images/kept.png').length;
    const ask = () => request(port, { target: '/images/kept.png' });
    await until(
      async () => {
        await ask();
        const before = asked();
        return (await ask()).status === 200 && asked() === before;
      },
      { what: 'an image from the cache' },
    );
    const before = seen.length;
    for (let at = 0; at < 3; at++) await request(port, { target: '/page' });
    assert.equal(seen.length, before + 3);
  },
};

interface Effective {
  readonly listeners: readonly {
    readonly tls: { readonly automatic: { readonly onDemand: object | null } | null } | null;
  }[];
  readonly cache: { readonly disk: { readonly path: string } | null };
  readonly upstreams: Readonly<Record<string, { readonly peers: readonly { url: string }[] }>>;
  readonly routes: readonly {
    readonly match: { readonly host: string[]; readonly path: string[]; readonly method: string[] };
  }[];
}

function effectiveConfig(file: string, changes: readonly string[]): Effective {
  const args = [MAIN, 'check', CONFIG + file, '--json', ...flags(changes)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).config;
}

/** For an example whose listener wants a certificate: the files that it is to have. */
function certificateChanges(file: string): string[] {
  if (!readFileSync(CONFIG + file, 'utf8').includes('certFile: certificate.pem')) return [];
  const path = 'listeners[0].tls.certificates[0]';
  return [`${path}.certFile=${caFile}`, `${path}.keyFile=${keyFile}`];
}

function usesAuthority(file: string): boolean {
  return readFileSync(CONFIG + file, 'utf8').includes('authorities:');
}

function usesLocalAuthority(file: string): boolean {
  return readFileSync(CONFIG + file, 'utf8').includes('tls: internal');
}

function askSecurely(
  port: number,
  trusted: string,
  name = '127.0.0.1',
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const common = { port, host: '127.0.0.1', headers: { host: name }, agent: false };
    const options = {
      ...common,
      ...(name === common.host ? {} : { servername: name }),
      ca: readFileSync(trusted),
    };
    const asked = getSecurely(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
  });
}

function flags(changes: readonly string[]): string[] {
  return changes.flatMap((change) => ['--set', change]);
}
