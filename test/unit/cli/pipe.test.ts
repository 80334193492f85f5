// What a command prints arrives as a whole where it is piped to somebody slow.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { formatJsonSchema } from '../../../src/config/json-schema.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

it('a schema of several pipes full is not cut', () => {
  const script = '"$0" "$1" schema | { sleep 0.2; cat; }';
  const output = execFileSync('sh', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
  assert.equal(output.length, formatJsonSchema().length);
});
