// The program that sets DNS records: what it is told, and that it can't hold anything up.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createDnsProver } from '../../../../src/sidecar/certificates/dns-hook.ts';
import { until } from '../../../support/deadline.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const challenge = { name: 'a.test', token: 't', keyAuthorization: 't.thumb' };
/** SHA-256 of `t.thumb`. */
const VALUE = 'l0oi6EDDpV2B4XzDiOwjYG5PK77CJmTg0dnBoGodsGg';

function proverOf(command: readonly string[], timeoutMs = 30_000) {
  return createDnsProver({ command, timeoutMs, settleMs: 0 });
}

describe('the program for dns-01', () => {
  it('is told what to do by its last argument and its environment, without a shell', async (context) => {
    const folder = createTempDir(context);
    const script =
      'env | grep ^SLUICE_ > "$1"; printf "%s\\n" "$@" >> "$1"; test -z "$SLUICE_RUN_DIR"';
    const prover = proverOf(['/bin/sh', '-c', script, 'sh', folder.file('said'), '$HOME; ls']);
    await prover.present(challenge);
    const said = readFileSync(folder.file('said'), 'utf8').trim().split('\n');
    assert.deepEqual(said.slice(-3), [folder.file('said'), '$HOME; ls', 'present']);
    assert.deepEqual(said.slice(0, -3).sort(), [
      'SLUICE_ACME_ACTION=present',
      'SLUICE_ACME_DOMAIN=a.test',
      'SLUICE_ACME_RECORD=_acme-challenge.a.test',
      `SLUICE_ACME_VALUE=${VALUE}`,
    ]);
    await prover.cleanup(challenge);
    assert.match(readFileSync(folder.file('said'), 'utf8'), /ACTION=cleanup[\s\S]*cleanup\n$/);
  });

  it('fails with what it said', async () => {
    const prover = proverOf(['/bin/sh', '-c', 'echo no such zone >&2; exit 3']);
    await assert.rejects(prover.present(challenge), {
      type: 'hookFailed',
      message: 'hookFailed: /bin/sh present ended with code 3: no such zone',
    });
    await assert.rejects(proverOf(['/nowhere/hook']).present(challenge), /can't be run/);
    await proverOf(['/bin/false']).cleanup(challenge);
  });

  it('is killed with all that it started when it takes too long', async (context) => {
    const folder = createTempDir(context);
    const script = '(sleep 1; touch "$1") & echo $! > "$1.pid"; wait';
    const prover = proverOf(['/bin/sh', '-c', script, 'sh', folder.file('left')], 300);
    await assert.rejects(prover.present(challenge), /took more than 300 ms/);
    const pid = Number(readFileSync(folder.file('left.pid'), 'utf8'));
    await until(() => !existsSync(`/proc/${pid}`) || isZombie(pid), { what: 'its child is gone' });
    assert.equal(existsSync(folder.file('left')), false);
  });

  it('is not waited for because of what it leaves running', async (context) => {
    const folder = createTempDir(context);
    const script = 'sleep 30 & echo $! > "$1"; exit 0';
    await proverOf(['/bin/sh', '-c', script, 'sh', folder.file('pid')]).present(challenge);
    const pid = Number(readFileSync(folder.file('pid'), 'utf8'));
    // It still runs, or this would throw.
    process.kill(pid, 'SIGKILL');
  });
});

function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}
