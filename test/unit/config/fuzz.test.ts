// Whatever stands in a configuration: either it is complete, or a ConfigError says why not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { emptyDocument } from '../../../src/config/document.ts';
import { listEnvNames } from '../../../src/config/environment.ts';
import { completeConfig, parseConfig } from '../../../src/config/parse.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { parseText } from '../../../src/config/read-text.ts';

const raw = {
  cores: 2,
  listeners: [{ port: 8080 }],
  upstreams: { app: { peers: ['http://a:1', { url: 'http://b:2', weight: 2 }] } },
  routes: [
    { match: { host: '*.a.b', path: ['/x', '/y/*'], method: 'GET' }, to: 'app' },
    { to: 'app' },
  ],
  trustedProxies: ['10.0.0.0/8'],
};
const paths = listEnvNames(parseConfig(raw)).flatMap(({ path }) => {
  return path.map((_, index) => path.slice(0, index + 1));
});

/** Runs `action`; anything but success or a ConfigError fails the test. Tells whether it succeeded. */
function attempt(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    assert.ok(error instanceof ConfigError, error instanceof Error ? error.stack : String(error));
    assert.ok(error.problems.length > 0);
    return false;
  }
}

describe('any data', () => {
  it('is refused by a ConfigError or complete', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void attempt(() => parseConfig(value))));
  });

  it('may stand at any path', () => {
    const change = fc.record({
      path: fc.constantFrom(...paths),
      value: fc.jsonValue({ maxDepth: 2 }),
    });
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const document = { ...emptyDocument('/'), value: raw };
        const flags = changes.map((each) => ({ ...each, name: '--set' }));
        if (attempt(() => completeConfig(document, { flags }, '/'))) accepted += 1;
      }),
      { numRuns: 2000 },
    );
    assert.ok(accepted > 0, 'some changes are harmless');
  });

  it('may stand in any variable', () => {
    const names = listEnvNames(parseConfig(raw)).map(({ name }) => name);
    const env = fc.dictionary(fc.constantFrom(...names, 'SLUICE_X', 'SLUICE_'), fc.string(), {
      maxKeys: 4,
    });
    fc.assert(
      fc.property(env, (variables) => {
        const document = { ...emptyDocument('/'), value: raw };
        attempt(() => completeConfig(document, { env: variables }, '/'));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('any text', () => {
  const unit = fc.constantFrom(
    ...'abc:-[]{},&*!|>#?"\'%@ \n\t0',
    '<<: ',
    '&a ',
    '*a',
    '- ',
    ': ',
    '\r\n',
    '\u0000',
  );

  it('is refused by a ConfigError or becomes data whose parts have places', () => {
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 40 }),
        fc.constantFrom('yaml', 'json'),
        (text, syntax) => {
          attempt(() => {
            const { value, place } = parseText(text, 'f', syntax);
            const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
            for (const key of [...keys, 'nowhere']) assert.equal(place([key], 'key').kind, 'file');
            attempt(() => parseConfig(value));
          });
        },
      ),
      { numRuns: 5000 },
    );
  });
});
