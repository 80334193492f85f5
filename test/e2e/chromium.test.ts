// A real browser: Chromium loads a page with many parts over HTTP/2, with early hints, from a certificate of
// the local authority that it was told to trust in the way that `sluice trust` says.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startChromium } from '../support/chromium.ts';
import { createSignal, until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const PARTS = 30;
const DEADLINE_MS = 60_000;
const HINT_MS = 10_000;

let folder: TempDir;
let sluice: Sluice;
let port = 0;
/** In the order in which the origin was asked; `(page)`: the page is answered. */
const targets: string[] = [];
const hinted = createSignal();

/** The page writes into itself how its parts came. */
const PAGE = `<!doctype html><title>parts</title><link rel="stylesheet" href="/hinted.css">
<body><pre id="told"></pre><script type="module">
const ask = (at) => fetch('/part/' + at).then((one) => one.text());
const parts = Array.from({ length: ${PARTS} }, (_, at) => ask(at));
const texts = await Promise.all(parts);
const loaded = performance.getEntriesByType('resource');
document.getElementById('told').textContent = JSON.stringify({
  parts: texts.join(),
  page: performance.getEntriesByType('navigation')[0].nextHopProtocol,
  protocols: [...new Set(loaded.map((one) => one.nextHopProtocol))],
});
</script>`;

function serve(asked: IncomingMessage, answer: ServerResponse): void {
  const target = asked.url ?? '';
  targets.push(target);
  if (target === '/hinted.css') hinted.resolve();
  const part = /^\/part\/(\d+)$/.exec(target)?.[1];
  if (part !== undefined) answer.end(part);
  else if (target === '/hinted.css')
    answer.setHeader('content-type', 'text/css').end('pre { color: red }');
  else if (target !== '/') answer.writeHead(404).end();
  else {
    answer.writeEarlyHints({ link: '</hinted.css>; rel=preload; as=style' });
    // Who does not act upon hints gets it in the end.
    void Promise.race([hinted.promise, delay(HINT_MS, null, { ref: false })]).then(() => {
      targets.push('(page)');
      answer.setHeader('content-type', 'text/html').end(PAGE);
    });
  }
}

before(async () => {
  folder = createTempDir(suite);
  port = await freePort();
  const origin = await startHttpOrigin(serve, { context: suite });
  sluice = await startSluice(
    {
      cores: 2,
      certificates: { storage: folder.file('state') },
      listeners: [{ host: '127.0.0.1', port, tls: 'internal' }],
      upstreams: { app: { peers: [origin.url] } },
      routes: [{ to: 'app' }],
    },
    { context: suite },
  );
});

/** What the page is when it has come to rest. */
async function dumpDom(url: string): Promise<string> {
  const args = ['--virtual-time-budget=20000', '--dump-dom', url];
  const chromium = await startChromium(folder, args, suite);
  const evidence = () => `${chromium.output()}\n${sluice.output()}`;
  const isThere = () => chromium.output().includes('</html>');
  await until(isThere, { what: 'Chromium shows the page', deadlineMs: DEADLINE_MS, evidence });
  await chromium.kill();
  return chromium.output();
}

describe('Chromium', () => {
  it('loads a page and all its parts over HTTP/2, and what the early hints name', async () => {
    const dom = await dumpDom(`https://localhost:${port}/`);
    const told = /<pre id="told">(\{.*\})<\/pre>/.exec(dom)?.[1];
    assert.ok(told !== undefined, `${dom}\n${sluice.output()}`);
    const { parts, page, protocols } = JSON.parse(told);
    assert.equal(parts, Array.from({ length: PARTS }, (_, at) => at).join());
    assert.deepEqual([page, protocols], ['h2', ['h2']]);
    assert.deepEqual(targets.slice(0, 3), ['/', '/hinted.css', '(page)']);
    assert.equal(targets.filter((target) => target.startsWith('/part/')).length, PARTS);
    const served = sluice.logLines().map((line) => JSON.parse(line));
    assert.ok(served.every(({ status }) => status === 200 || status === 404));
  });
});
