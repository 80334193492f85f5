// Certificates on demand as a worker has them: found in the storage, asked for once, remembered for a
// while.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { certificateFile, certificateFolder } from '../../../src/config/certificate-files.ts';
import { CertificateDemands } from '../../../src/worker/certificate-demands.ts';
import { DemandedCertificates } from '../../../src/worker/demanded-certificates.ts';
import type { Certificate } from '../../../src/worker/listener/certificate.ts';
import { createAuthority } from '../../support/certificates.ts';
import { createTempDir } from '../../support/temp-dir.ts';

function start(context: TestContext) {
  const storage = createTempDir(context).path;
  const authority = createAuthority(context);
  const clock = { nowMs: 0 };
  const asked: string[] = [];
  const put = (name: string) => {
    const { cert, key } = authority.issue(name);
    const file = certificateFile(storage, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, cert + key);
    renameSync(`${file}.new`, file);
  };
  const answers = new Map<string, () => boolean>();
  const source = new DemandedCertificates({
    folder: certificateFolder(storage),
    nowMs: () => clock.nowMs,
    ask: async (name) => {
      asked.push(name);
      return answers.get(name)?.() ?? false;
    },
  });
  const find = (name: string) =>
    new Promise<Certificate | null>((resolve) => source.find(name, resolve));
  return { put, find, asked, answers, clock, source };
}

describe('a certificate on demand', () => {
  it('is asked for once by all who wait, and then remembered', async (context) => {
    const { put, find, asked, answers } = start(context);
    answers.set('a.test', () => {
      put('a.test');
      return true;
    });
    const all = await Promise.all(Array.from({ length: 10 }, () => find('a.test')));
    assert.ok(all.every((one) => one !== null && one === all[0]));
    assert.equal(await find('a.test'), all[0]);
    assert.deepEqual(asked, ['a.test']);
  });

  it('that is in the storage needs no sidecar', async (context) => {
    const { put, find } = start(context);
    put('a.test');
    assert.deepEqual((await find('a.test'))?.names, ['a.test']);
  });

  it('that is refused is asked for again after a while', async (context) => {
    const { find, asked, clock } = start(context);
    assert.equal(await find('a.test'), null);
    assert.equal(await find('a.test'), null);
    assert.equal(asked.length, 1);
    clock.nowMs += 11_000;
    assert.equal(await find('a.test'), null);
    assert.equal(asked.length, 2);
  });

  it('is served as it was while a renewed one is looked for', async (context) => {
    const { put, find, asked, clock } = start(context);
    put('a.test');
    const first = await find('a.test');
    put('a.test');
    clock.nowMs += 31_000;
    assert.equal(await find('a.test'), first);
    while ((await find('a.test')) === first) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked.length, 2);
  });

  // Names come from clients: they become paths, and memory.
  it('is for names alone', async (context) => {
    const { find, asked } = start(context);
    for (const name of ['../../etc/passwd', '', 'a..test', 'a/b', '*.test', 'a.test\0', 'A.test']) {
      assert.equal(await find(name), null, name);
    }
    assert.deepEqual(asked, []);
  });

  it('is waited for by so many handshakes, of so many names', async (context) => {
    const { source } = start(context);
    const outcomes: (Certificate | null)[] = [];
    for (let at = 0; at < 300; at += 1) source.find('a.test', (found) => outcomes.push(found));
    assert.equal(outcomes.length, 300 - 256);
    for (let at = 0; at < 300; at += 1) source.find(`${at}.test`, (found) => outcomes.push(found));
    assert.equal(outcomes.length, 300 - 256 + 300 - 255);
  });
});

describe('questions to the sidecar', () => {
  it('are answered by number, and by no when it is gone', async () => {
    const sent: number[] = [];
    let isLinked = true;
    const demands = new CertificateDemands(({ id }) => {
      sent.push(id);
      return isLinked;
    });
    const [one, other] = [demands.ask('* 443', 'a.test'), demands.ask('* 443', 'b.test')];
    demands.receive({ id: sent[1]!, isThere: true });
    demands.receive({ id: 99, isThere: true });
    assert.equal(await other, true);
    demands.forget();
    assert.equal(await one, false);
    isLinked = false;
    assert.equal(await demands.ask('* 443', 'c.test'), false);
  });
});
