// The configurations of the peers: complete, telling what they are, and what the run asks for is in them.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Contender } from '../../../native-bench/contender.ts';
import { allContenders } from '../../../native-bench/contenders.ts';
import { nativePeers } from '../../../native-bench/native-peers.ts';
import type { Wire, Work } from '../../../native-bench/scenario.ts';

const CERTIFICATE = { certFile: '/c.pem', keyFile: '/k.pem', bothFile: '/b.pem' };

/** Lets the contender write its files; returns them and its command line as one text. */
function configurationOf(
  contender: Contender,
  accessLog: boolean,
  { workers = 1, work = 'forward' as Work, wire = 'http' as Wire } = {},
): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-peer-'));
  try {
    const lane = { directory, port: 4711, originPort: 4712, adminPort: 4713, workers, accessLog };
    const certificate = wire === 'http' ? null : CERTIFICATE;
    const more = { upstreamConnections: 256, work, wire, certificate };
    const command = contender.command({ ...lane, ...more });
    const files = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(directory, entry.name), 'utf8'));
    return [...files, command.args.join(' '), JSON.stringify(command.environment)].join('\n');
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('contenders', () => {
  it('have names of their own', () => {
    const names = allContenders.map((each) => each.name);
    assert.equal(new Set(names).size, names.length);
  });

  for (const contender of allContenders) {
    it(`${contender.name} is told where to listen and whom to ask`, () => {
      const text = configurationOf(contender, false);
      assert.ok(text.includes('4711') && text.includes('4712'), text);
      assert.doesNotMatch(text, /\{\{\w+\}\}/);
    });
  }

  for (const contender of allContenders.filter((each) => each.can.wires?.includes('h2'))) {
    it(`${contender.name} has its certificate with TLS, and else none`, () => {
      const [plain, tls, http2] = (['http', 'https', 'h2'] as const).map((wire) =>
        configurationOf(contender, false, { wire }),
      );
      assert.doesNotMatch(plain!, /\/[ckb]\.pem/);
      for (const text of [tls!, http2!]) {
        assert.match(text, /\/b\.pem|\/c\.pem[\s\S]*\/k\.pem/);
        assert.doesNotMatch(text, /\{\{\w+\}\}/);
      }
    });
  }

  for (const contender of allContenders.filter((each) => each.can.accessLog)) {
    it(`${contender.name} logs when all do, and else does not`, () => {
      const [quiet, logging] = [
        configurationOf(contender, false),
        configurationOf(contender, true),
      ];
      const withoutFolder = (text: string) => text.replaceAll(/\/[\w/-]*sluice-peer-\w+/g, '');
      assert.notEqual(withoutFolder(quiet), withoutFolder(logging));
      assert.match(logging, /access\.log|stdout/);
      assert.doesNotMatch(quiet, /access\.log|stdout/);
    });
  }

  for (const peer of nativePeers.filter((each) => each.name !== 'varnish')) {
    it(`${peer.name} starts as many workers as asked for`, () => {
      const text = (workers: number) =>
        configurationOf(peer, false, { workers }).replaceAll(/sluice-peer-\w+/g, '');
      assert.notEqual(text(1), text(2));
    });
  }
});

for (const work of ['gzip', 'cache', 'cache-gzip'] as const) {
  describe(`contenders for the work ${work}`, () => {
    for (const contender of allContenders.filter((each) => each.can.works?.includes(work))) {
      it(`${contender.name} is configured for it`, () => {
        const text = (of: Work) => {
          const whole = configurationOf(contender, false, { work: of });
          assert.ok(whole.includes('4711') && whole.includes('4712'), whole);
          assert.doesNotMatch(whole, /\{\{\w+\}\}/);
          return whole.replaceAll(/sluice-peer-\w+/g, '');
        };
        assert.notEqual(text(work), text('forward'));
      });
    }
  });
}

describe('configuration files of peers', () => {
  it('say what they are and where the advice comes from', () => {
    const folder = new URL('../../../native-bench/peers/', import.meta.url);
    for (const { name } of nativePeers) {
      const texts = readdirSync(new URL(`${name}/`, folder)).map((file) =>
        readFileSync(new URL(`${name}/${file}`, folder), 'utf8'),
      );
      assert.ok(
        texts.every((text) => text.startsWith('#')),
        name,
      );
      assert.ok(
        texts.some((text) => /Source: /.test(text)),
        name,
      );
    }
  });
});
