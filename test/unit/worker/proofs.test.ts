// Proofs for authorities as workers find them: whatever a client asks for, nothing but a proof is read.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { proofFile } from '../../../src/config/certificate-files.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import { createProofReader } from '../../../src/worker/proof-certificates.ts';
import { ProofTokens } from '../../../src/worker/proof-tokens.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const PREFIX = '/.well-known/acme-challenge/';

function ask(tokens: ProofTokens, target: string, method = 'GET'): Promise<string> {
  const exchange = { target, method, finished: false } as Exchange;
  if (!tokens.isMeant(exchange)) return Promise.resolve('not meant');
  return new Promise((resolve) => tokens.answer(exchange, () => resolve('otherwise')));
}

describe('a token', () => {
  it('is asked for by GET and HEAD below its path', async (context) => {
    const tokens = new ProofTokens(createTempDir(context).path);
    assert.equal(await ask(tokens, '/'), 'not meant');
    assert.equal(await ask(tokens, `${PREFIX}abcdefghijklmnop`, 'POST'), 'not meant');
    assert.equal(await ask(tokens, `${PREFIX}abcdefghijklmnop`), 'otherwise');
  });

  // A target is about to be part of a path: nobody reads keys with it.
  it('is base64url, or the request goes on', async (context) => {
    const storage = createTempDir(context).path;
    mkdirSync(`${storage}/challenges`);
    writeFileSync(`${storage}/challenges/secret-secret-secret.pem`, 'key');
    const tokens = new ProofTokens(storage);
    for (const token of [
      ...['', 'short', '../certificates/a.test.pem', '..%2f..%2fkey', 'secret-secret-secret.pem'],
      ...[
        `${'a'.repeat(300)}`,
        'abcdefghijklmnop?x=1',
        'abcdefghijklmnop/../x',
        '\0abcdefghijklmnop',
      ],
    ]) {
      assert.equal(await ask(tokens, PREFIX + token), 'otherwise', token);
    }
  });
});

describe('a proof in a handshake', () => {
  it('is found by its name, and nothing else is', (context) => {
    const storage = createTempDir(context).path;
    const proofFor = createProofReader(storage)!;
    mkdirSync(`${storage}/challenges`);
    writeFileSync(proofFile(storage, 'a.test'), 'certificate and key');
    assert.deepEqual(proofFor('a.test'), {
      cert: 'certificate and key',
      key: 'certificate and key',
    });
    for (const name of ['b.test', '../challenges/a.test', '', 'a.test\0', './a.test']) {
      assert.equal(proofFor(name), null, name);
    }
    assert.equal(createProofReader(null), null);
  });
});
