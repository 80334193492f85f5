// `sluice trust`: what to install so that clients trust the local authority of `tls: internal`, and how. It
// installs nothing itself.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { authorityFiles } from '../config/internal-authority.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { type CliIo, exitCodes, type TrustCommand } from './command.ts';
import { toLoadRequest } from './request.ts';

/** Runs the command; returns the exit code. */
export async function runTrust(command: TrustCommand, io: CliIo): Promise<number> {
  const request = toLoadRequest(command, io);
  if ('name' in request) {
    io.stderr(`sluice: ${request.message}\n`);
    return exitCodes.usage;
  }
  try {
    const { config } = await loadConfig(request);
    return show(config, command.isPem, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr(`sluice: ${error.message}`);
    return exitCodes.invalidConfig;
  }
}

function show(config: Config, isPem: boolean, io: CliIo): number {
  const { root } = authorityFiles(config.certificates.storage);
  let pem: string;
  try {
    pem = readFileSync(root, 'latin1');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'it is made when Sluice first runs with `tls: internal`, for its user'
        : `it can not be read (${code})`;
    io.stderr(`sluice: no local authority at ${root}: ${reason}\n`);
    return exitCodes.refused;
  }
  io.stdout(isPem ? pem : instructions(config, root, new X509Certificate(pem)));
  return exitCodes.ok;
}

function instructions({ listeners }: Config, root: string, certificate: X509Certificate): string {
  const name = certificate.subject.replace(/^CN=/, '');
  const port = listeners.find(({ tls }) => tls?.internal != null)?.port ?? 443;
  const file = shellWord(root);
  return `${name}
  file      ${root}
  sha256    ${certificate.fingerprint256}
  good to   ${new Date(certificate.validTo).toISOString().slice(0, 10)}

Trust it on machines for development only: whoever reads authority.pem beside
it can pretend to be any site.

For the whole system
  Debian, Ubuntu   sudo cp ${file} /usr/local/share/ca-certificates/sluice-local.crt
                   sudo update-ca-certificates
  Fedora, RHEL     sudo cp ${file} /etc/pki/ca-trust/source/anchors/sluice-local.pem
                   sudo update-ca-trust
  Arch             sudo trust anchor --store ${file}
  macOS            sudo security add-trusted-cert -d -r trustRoot \\
                     -k /Library/Keychains/System.keychain ${file}
  Windows          certutil -addstore -f Root ${root}   (as administrator)

Browsers with a store of their own
  Chromium, Linux  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sluice-local -i ${file}
                   (certutil: libnss3-tools on Debian, nss-tools on Fedora)
  Firefox          the same with -d sql:PROFILE (about:profiles names it), or
                   Settings, Certificates, Authorities, Import; on macOS and
                   Windows it follows the system

For one program
  curl             curl --cacert ${file} https://localhost:${port}/
  Node.js          NODE_EXTRA_CA_CERTS=${file} node app.js
  Python, OpenSSL  SSL_CERT_FILE=${file}; requests: REQUESTS_CA_BUNDLE=${file}

On another machine: sluice trust --pem > root.pem, and the same there.
`;
}

/** Quoted for a shell where it has to be. */
function shellWord(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
