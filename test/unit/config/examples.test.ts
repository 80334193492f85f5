// The examples in config/ and the JSON Schema for editors: valid, and up to date.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Assignment } from '../../../src/config/draft.ts';
import { formatJsonSchema } from '../../../src/config/json-schema.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const folder = fileURLToPath(new URL('../../../config/', import.meta.url));
const OTHERS = /\.(?:schema\.json|html|plugin\.ts)$/;
const examples = readdirSync(folder).filter((name) => !OTHERS.test(name));

/** Where an example wants a certificate, it gets one that looks like it. */
function certificateFlags(name: string, temporary: TempDir): Assignment[] {
  if (!readFileSync(`${folder}${name}`, 'utf8').includes('certFile: certificate.pem')) return [];
  return Object.entries({ certFile: 'CERTIFICATE', keyFile: 'PRIVATE KEY' }).map(([key, kind]) => {
    const value = temporary.file(key);
    writeFileSync(value, `-----BEGIN ${kind}-----\n`);
    return { path: ['listeners', 0, 'tls', 'certificates', 0, key], value, name: '--set' };
  });
}

describe('config/', () => {
  it('holds examples in every format', () => {
    const endings = new Set(examples.map((name) => name.split('.').at(-1)));
    assert.deepEqual([...endings].sort(), ['json', 'ts', 'yaml']);
    assert.ok(examples.length >= 8);
  });

  for (const name of examples) {
    it(`${name} is valid, and names the schema where editors look for it`, async (t) => {
      const flags = certificateFlags(name, createTempDir(t));
      const { config } = await loadConfig({ file: name, cwd: folder, flags });
      assert.ok(config.routes.length >= 1);
      const [first = ''] = readFileSync(`${folder}${name}`, 'utf8').split('\n');
      if (name.endsWith('.yaml')) {
        assert.equal(first, '# yaml-language-server: $schema=./sluice.schema.json');
      }
    });
  }
});

describe('sluice.schema.json', () => {
  it('is what the schema says (else: node src/main.ts schema > config/sluice.schema.json)', () => {
    assert.equal(readFileSync(`${folder}sluice.schema.json`, 'utf8'), formatJsonSchema());
  });

  it('refuses unknown keys and describes the known ones', () => {
    const schema = JSON.parse(formatJsonSchema());
    assert.equal(schema.additionalProperties, false);
    assert.deepEqual(schema.required, ['upstreams', 'routes']);
    const upstream = schema.properties.upstreams.additionalProperties;
    assert.equal(upstream.additionalProperties, false);
    assert.match(upstream.properties.timeouts.properties.headMs.description, /response head/);
    assert.equal(upstream.properties.timeouts.properties.headMs.default, '60s');
  });
});
