// `sluice warm`: its command line, and what it asks for and tells.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { parseCli } from '../../../src/cli/cli.ts';
import { runWarm } from '../../../src/cli/run-warm.ts';
import { startHttpOrigin } from '../../support/origin.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const read = (line: string) => parseCli(line.split(' '));

function fileOf(context: TestContext, lines: readonly string[]): string {
  const folder = createTempDir();
  context.after(() => folder.remove());
  const file = folder.file('urls.txt');
  writeFileSync(file, lines.join('\n'));
  return file;
}

async function warm(file: string, port: number) {
  let text = '';
  const io = {
    stdout: (part: string) => (text += part),
    stderr: (part: string) => (text += part),
    env: {},
    cwd: '/',
  };
  const via = { host: '127.0.0.1', port };
  const code = await runWarm({ name: 'warm', file, via, parallel: 2 }, io);
  return { code, text };
}

describe('sluice warm', () => {
  it('takes a file, an address and how many at once', () => {
    const common = { name: 'warm', file: 'urls.txt' };
    assert.deepEqual(read('warm urls.txt'), { ...common, via: null, parallel: 8 });
    const via = { host: '127.0.0.1', port: 8080 };
    assert.deepEqual(read('warm urls.txt --via :8080 --parallel 2'), {
      ...common,
      via,
      parallel: 2,
    });
    const wrong = ['warm', 'warm a b', 'warm a --via x', 'warm a --parallel 0', 'warm a --cores 1'];
    for (const line of wrong) assert.equal(read(line).name, 'usage', line);
    assert.equal(read('warm --help').name, 'help');
  });

  it('asks for every URL at the address, by its own host, and counts the answers', async (context) => {
    const asked: string[] = [];
    const origin = await startHttpOrigin(
      ({ headers, url }, answer) => {
        asked.push(`${headers.host} ${url}`);
        answer.statusCode = url === '/gone' ? 404 : 200;
        answer.end('x'.repeat(100_000));
      },
      { context },
    );
    const lines = [
      '# pages',
      'http://a.example/?x=1',
      '',
      'https://b.example:81/p ',
      'http://a.example/gone',
    ];
    const { code, text } = await warm(fileOf(context, lines), origin.port);
    assert.deepEqual(asked.sort(), ['a.example /?x=1', 'a.example /gone', 'b.example:81 /p']);
    assert.deepEqual([code, text], [0, '3 URLs asked for: 2 × 200, 1 × 404\n']);
  });

  it('says which ones failed', async (context) => {
    const origin = await startHttpOrigin(
      ({ url, socket }, answer) => {
        if (url === '/cut') socket.destroy();
        else answer.writeHead(503).end();
      },
      { context },
    );
    const lines = ['http://a.example/cut', 'http://a.example/down'];
    const { code, text } = await warm(fileOf(context, lines), origin.port);
    assert.equal(code, 1);
    assert.match(text, /^2 URLs asked for: 1 × 503, 2 failed\n/);
    assert.match(text, /a\.example\/cut: ECONNRESET/);
    assert.match(text, /a\.example\/down: 503/);
  });

  it('asks for nothing when a line is no URL', async (context) => {
    const { code, text } = await warm(fileOf(context, ['http://a.example/', 'page']), 1);
    assert.equal(code, 2);
    assert.match(text, /urls\.txt:2: expected a URL/);
  });
});
