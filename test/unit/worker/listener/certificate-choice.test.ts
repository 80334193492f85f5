// Which certificate a handshake gets, in both versions of TLS: they ask for name and protocol in another
// order.

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { connect, createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls';
import type { Certificate } from '../../../../src/worker/listener/certificate.ts';
import { choosing } from '../../../../src/worker/listener/node/certificate-choice.ts';
import { type Authority, createAuthority } from '../../../support/certificates.ts';
import { DEADLINE_MS, withDeadline } from '../../../support/deadline.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
let authority: Authority;
let server: Server;
let port = 0;
const demanded: string[] = [];
const spoken: (string | false | null)[] = [];

before(async () => {
  authority = createAuthority({ after });
  const known = createSecureContext(authority.issue('known.test'));
  const proof = authority.issue('proof.test');
  const brought = authority.issue('brought.test') as Certificate;
  let contexts = 0;
  server = createServer({
    ...authority.issue('first.test'),
    ...choosing({
      http2: true,
      proofFor: (name) => (name === 'known.test' ? proof : null),
      demand: (name, done) => {
        demanded.push(name);
        setImmediate(() => done(name === 'brought.test' ? brought : null));
      },
      contextFor: (name) => (name === 'known.test' ? known : undefined),
      createContext: (certificate) => {
        contexts += 1;
        assert.equal(contexts, 1, 'one context for one certificate');
        return createSecureContext(certificate);
      },
    }),
  });
  server.on('secureConnection', (socket) => spoken.push(socket.alpnProtocol));
  server.on('tlsClientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

after(() => server.close());

function shake(version: (typeof VERSIONS)[number], servername: string, protocols: string[]) {
  const socket: TLSSocket = connect({
    ...{ port, host: '127.0.0.1', servername, rejectUnauthorized: false },
    ...{ minVersion: version, maxVersion: version, ALPNProtocols: protocols },
  });
  type Outcome = { name: string; protocol: string | false | null };
  const outcome = new Promise<Outcome>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const name = socket.getPeerCertificate().subjectaltname!.replace('DNS:', '');
      resolve({ name, protocol: socket.alpnProtocol });
    });
  });
  return withDeadline(outcome, DEADLINE_MS, 'a handshake').finally(() => socket.destroy());
}

describe('a handshake', () => {
  for (const version of VERSIONS) {
    it(`gets the certificate for its name with ${version}`, async () => {
      const h2 = await shake(version, 'KNOWN.test', ['http/1.1', 'h2']);
      assert.deepEqual(h2, { name: 'known.test', protocol: 'h2' });
      const old = await shake(version, 'known.test', ['http/1.1']);
      assert.deepEqual(old, { name: 'known.test', protocol: 'http/1.1' });
      const silent = await shake(version, 'known.test', []);
      assert.deepEqual(silent, { name: 'known.test', protocol: false });
    });

    it(`gets the proof of a name where that is spoken, and nothing else, with ${version}`, async () => {
      const proved = await shake(version, 'Known.test', ['acme-tls/1']);
      assert.deepEqual(proved, { name: 'proof.test', protocol: 'acme-tls/1' });
      // With HTTP beside it as well: an authority does not say that.
      const both = await shake(version, 'known.test', ['h2', 'acme-tls/1']);
      assert.equal(both.name, 'proof.test');
      const usual = await shake(version, 'known.test', ['h2']);
      assert.equal(usual.name, 'known.test');
    });

    it(`ends where there is no proof, or nothing that both speak, with ${version}`, async () => {
      for (const protocols of [['acme-tls/1'], ['spdy/3']]) {
        await assert.rejects(shake(version, 'other.test', protocols), /no application protocol/);
      }
    });

    it(`waits for a certificate on demand with ${version}`, async () => {
      const brought = await shake(version, 'Brought.test', ['h2']);
      assert.equal(brought.name, 'brought.test');
      const refused = await shake(version, 'refused.test', ['h2']);
      assert.equal(refused.name, 'first.test');
      assert.deepEqual(demanded.splice(0).slice(-2), ['brought.test', 'refused.test']);
    });
  }
});
