// The certificate of all contenders of a run, made afresh: ECDSA on P-256, for localhost and 127.0.0.1.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Both in one, as HAProxy wants it. */
  readonly bothFile: string;
}

/** Returns the certificate in `directory`, made by openssl when there is none yet. */
export function createCertificate(directory: string): Certificate {
  const certificate = {
    certFile: join(directory, 'certificate.pem'),
    keyFile: join(directory, 'key.pem'),
    bothFile: join(directory, 'both.pem'),
  };
  const { certFile, keyFile, bothFile } = certificate;
  if (existsSync(bothFile)) return certificate;
  const args = [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', keyFile, '-out', certFile],
  ];
  execFileSync('openssl', args, { stdio: 'pipe', timeout: 10_000 });
  chmodSync(keyFile, 0o600);
  const both = `${readFileSync(certFile, 'latin1')}${readFileSync(keyFile, 'latin1')}`;
  writeFileSync(bothFile, both, { mode: 0o600 });
  return certificate;
}
