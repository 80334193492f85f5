// A real browser and dictionaries (RFC 9842): Chromium keeps one version of a script as the dictionary that
// it is offered as, says so when it asks for the next, and reads what was made with it, by zstd and brotli.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { before, describe, it } from 'node:test';
import { startChromium } from '../support/chromium.ts';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { page } from '../unit/worker/compress/bodies.ts';

const suite = suiteCleanup();
const DEADLINE_MS = 60_000;
const V1 = page(200_000);
const V2 = Buffer.concat([
  V1.subarray(0, 90_000),
  Buffer.from('<li>new</li>'),
  V1.subarray(90_000),
]);

/** Asks until the dictionary is kept, which the browser does in its own time, and tells what it read. */
const PAGE = `<!doctype html><title>dictionaries</title><script type="module">
const digits = (one) => one.toString(16).padStart(2, '0');
const hex = (bytes) => Array.from(new Uint8Array(bytes), digits).join('');
async function ask(coding) {
  await (await fetch('/' + coding + '/v1')).text();
  for (let turn = 0; turn < 300; turn++) {
    const answer = await fetch('/' + coding + '/v2?' + turn);
    const bytes = await answer.arrayBuffer();
    if (answer.headers.get('content-encoding') === coding) {
      return hex(await crypto.subtle.digest('SHA-256', bytes));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return 'not in 300 turns';
}
const told = {};
for (const coding of ['dcz', 'dcb']) told[coding] = await ask(coding);
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
</script>`;

let folder: TempDir;
let sluice: Sluice;
let port = 0;
/** What the page found out; null while it has not. */
let told: string | null = null;

function serve(asked: IncomingMessage, answer: ServerResponse): void {
  const target = asked.url ?? '';
  const [, coding, version] = /^\/(dc[bz])\/(v[12])/.exec(target) ?? [];
  if (target === '/told') {
    void text(asked).then((all) => {
      told = all;
      answer.end();
    });
  } else if (target === '/') {
    answer.setHeader('content-type', 'text/html').end(PAGE);
  } else if (version === 'v1') {
    answer.setHeader('use-as-dictionary', `match="/${coding}/*"`);
    answer.setHeader('cache-control', 'max-age=600');
    answer.setHeader('content-type', 'text/javascript').end(V1);
  } else if (version === 'v2') {
    answer.setHeader('content-type', 'text/javascript').end(V2);
  } else {
    answer.writeHead(404).end();
  }
}

before(async () => {
  folder = createTempDir(suite);
  port = await freePort();
  const origin = await startHttpOrigin(serve, { context: suite });
  const compressed = (encoding: string) => ({ encodings: [encoding, 'gzip'], dictionaries: true });
  sluice = await startSluice(
    {
      // One that knows all dictionaries.
      cores: 1,
      certificates: { storage: folder.file('state') },
      listeners: [{ host: '127.0.0.1', port, tls: 'internal' }],
      upstreams: { app: { peers: [origin.url] } },
      routes: [
        { match: { path: '/dcz/*' }, to: 'app', compress: compressed('zstd') },
        { match: { path: '/dcb/*' }, to: 'app', compress: compressed('br') },
        { to: 'app' },
      ],
    },
    { context: suite },
  );
});

/** The first line of the access log with that coding; lines are written in batches. */
async function lineOf(coding: string): Promise<{ plainBytes: number; bytesSent: number }> {
  const find = () => {
    const lines = sluice.logLines().map((line) => JSON.parse(line));
    return lines.find(({ encoding }) => encoding === coding);
  };
  const evidence = () => sluice.output();
  await until(() => find() !== undefined, { what: `a line with ${coding}`, evidence });
  return find();
}

describe('Chromium', () => {
  it('reads what was made with a dictionary that it has, in dcz and in dcb', async () => {
    const args = ['--remote-debugging-port=0', `https://localhost:${port}/`];
    const chromium = await startChromium(folder, args, suite);
    const evidence = () => `${chromium.output()}\n${sluice.output()}`;
    await until(() => told !== null, {
      what: 'the page has told',
      deadlineMs: DEADLINE_MS,
      evidence,
    });
    await chromium.kill();
    const expected = createHash('sha256').update(V2).digest('hex');
    assert.deepEqual(JSON.parse(told!), { dcz: expected, dcb: expected }, evidence());
    for (const coding of ['dcz', 'dcb']) {
      const line = await lineOf(coding);
      assert.equal(line.plainBytes, V2.length);
      assert.ok(line.bytesSent < 300, `${coding}: ${line.bytesSent} bytes`);
    }
  });
});
