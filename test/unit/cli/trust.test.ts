// `sluice trust`: shows the root where the proxy put it, never the key.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { runTrust } from '../../../src/cli/run-trust.ts';
import { authorityFiles } from '../../../src/config/internal-authority.ts';
import { LocalAuthority } from '../../../src/sidecar/certificates/local-authority.ts';
import { createTempDir } from '../../support/temp-dir.ts';

async function run(context: TestContext, { isPem = false, isMade = true, folder = 'state' }) {
  const dir = createTempDir(context);
  const storage = dir.file(folder);
  const files = authorityFiles(storage);
  if (isMade) LocalAuthority.open(files, Date.now());
  else mkdirSync(dirname(files.authority), { recursive: true });
  const config = {
    listeners: [{ port: 8443, tls: 'internal' }],
    upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
    routes: [{ to: 'app' }],
    certificates: { storage },
  };
  writeFileSync(dir.file('sluice.json'), JSON.stringify(config));
  let stdout = '';
  let stderr = '';
  const code = await runTrust(
    { name: 'trust', file: dir.file('sluice.json'), isWithoutFile: false, flags: [], isPem },
    {
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
      env: {},
      cwd: dir.path,
    },
  );
  return { code, stdout, stderr, files };
}

describe('sluice trust', () => {
  it('says what to install and how, for every system, with the file in place', async (context) => {
    const { code, stdout, files } = await run(context, {});
    assert.equal(code, 0);
    for (const tool of ['update-ca-certificates', 'update-ca-trust', 'security add-trusted-cert']) {
      assert.ok(stdout.includes(tool), tool);
    }
    assert.ok(stdout.includes(`NODE_EXTRA_CA_CERTS=${files.root} `));
    assert.ok(stdout.includes(`--cacert ${files.root} https://localhost:8443/`));
    assert.match(stdout, /sha256 +(?:[0-9A-F]{2}:){31}/);
    for (const line of stdout.split('\n')) {
      assert.ok(line.replaceAll(files.root, '').length <= 110, line);
    }
  });

  it('quotes a path that a shell would take apart', async (context) => {
    const { stdout, files } = await run(context, { folder: "my state's" });
    assert.ok(stdout.includes(`curl --cacert '${files.root.replace("'", "'\\''")}' https`));
  });

  it('prints the certificate alone with --pem, without a key', async (context) => {
    const { code, stdout } = await run(context, { isPem: true });
    assert.equal(code, 0);
    assert.match(stdout, /^-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n$/);
  });

  it('says when there is none yet', async (context) => {
    const { code, stdout, stderr, files } = await run(context, { isMade: false });
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.includes(files.root) && stderr.includes('tls: internal'));
  });
});
