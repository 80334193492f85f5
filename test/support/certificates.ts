// Certificates for tests of TLS to peers, made afresh by openssl: nothing secret in the repository.

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Cleanup } from './deadline.ts';
import { requireCommand } from './debian.ts';
import { createTempDir, type TempDir } from './temp-dir.ts';

export interface Certificate {
  /** PEM texts. */
  readonly key: string;
  readonly cert: string;
}

export interface Authority {
  /** PEM text to trust. */
  readonly ca: string;
  /** Issues a server certificate for `name`, a DNS name or an IPv4 address. */
  issue(name: string, keyType?: KeyType): Certificate;
  /** Signs a request (PKCS#10, DER), after a look at its own signature; returns the certificate, PEM. */
  sign(request: Uint8Array, days: number): string;
  /** Returns the list (PEM) of those that it has revoked, which these are from now on. */
  revoke(...certificates: readonly Certificate[]): string;
}

export type KeyType = 'ec' | 'rsa';

/** What `openssl ca` wants to know before it writes a list of the revoked. */
const LIST_CONFIG = `[ca]
default_ca = test
[test]
database = revoked.txt
certificate = ca.crt
private_key = ca.key
default_md = sha256
default_crl_days = 2
`;

/** Creates a certificate authority that lives as long as the test. */
export function createAuthority(context?: Cleanup): Authority {
  const dir = createTempDir(context);
  newKey(dir, 'ca');
  openssl(dir, 'req -x509 -new -key ca.key -out ca.crt -days 2 -subj /CN=Test-CA');
  return {
    ca: readFileSync(dir.file('ca.crt'), 'latin1'),
    issue(name, keyType = 'ec') {
      newKey(dir, 'server', keyType);
      openssl(dir, `req -new -key server.key -out server.csr -subj /CN=${name}`);
      const kind = /^[\d.]+$/.test(name) ? 'IP' : 'DNS';
      writeFileSync(dir.file('server.ext'), `subjectAltName=${kind}:${name}\n`);
      openssl(
        dir,
        'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial ' +
          '-out server.crt -days 2 -extfile server.ext',
      );
      return {
        key: readFileSync(dir.file('server.key'), 'latin1'),
        cert: readFileSync(dir.file('server.crt'), 'latin1'),
      };
    },
    sign(request, days) {
      writeFileSync(dir.file('signed.csr'), request);
      writeFileSync(dir.file('signed.ext'), 'authorityKeyIdentifier=keyid\n');
      openssl(
        dir,
        'x509 -req -inform DER -in signed.csr -CA ca.crt -CAkey ca.key -CAcreateserial ' +
          `-out signed.crt -days ${days} -copy_extensions copyall -extfile signed.ext`,
      );
      return readFileSync(dir.file('signed.crt'), 'latin1');
    },
    revoke(...certificates) {
      writeFileSync(dir.file('ca.cnf'), LIST_CONFIG);
      const lines = certificates.map(({ cert }) => {
        const { serialNumber, validTo } = new X509Certificate(cert);
        const times = `${asn1Time(Date.parse(validTo))}\t${asn1Time(Date.now())}`;
        return `R\t${times}\t${serialNumber}\tunknown\t/CN=x\n`;
      });
      appendFileSync(dir.file('revoked.txt'), lines.join(''));
      openssl(dir, 'ca -config ca.cnf -gencrl -out ca.crl');
      return readFileSync(dir.file('ca.crl'), 'latin1');
    },
  };
}

function asn1Time(atMs: number): string {
  const text = new Date(atMs).toISOString().replace(/[-:T]|\.\d+Z$/g, '');
  return `${text.slice(2)}Z`;
}

function newKey(dir: TempDir, name: string, keyType: KeyType = 'ec'): void {
  if (keyType === 'rsa') openssl(dir, `genrsa -out ${name}.key 2048`);
  else openssl(dir, `ecparam -genkey -name prime256v1 -noout -out ${name}.key`);
}

function openssl(dir: TempDir, command: string): void {
  execFileSync(requireCommand('openssl'), command.split(' '), { cwd: dir.path, stdio: 'pipe' });
}
