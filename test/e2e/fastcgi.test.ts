// A PHP application behind the proxy over FastCGI: forms, sessions, uploads, streamed output, errors, and a
// process of PHP that dies.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { before, describe, it } from 'node:test';
import { connectClient, request } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { type PhpFpm, startPhpFpm } from '../support/php-fpm.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
let php: PhpFpm;
let sluice: Sluice;

const scripts = {
  'index.php': `<?php header('X-App: front'); echo json_encode($_SERVER);`,
  'form.php': `<?php echo json_encode(['get' => $_GET, 'post' => $_POST, 'cookie' => $_COOKIE]);`,
  'count.php': `<?php session_start();
    $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n'];`,
  'upload.php': `<?php $f = $_FILES['file'] ?? null;
    echo $f ? $f['size'] . ' ' . hash_file('sha256', $f['tmp_name'])
      : hash('sha256', file_get_contents('php://input'));`,
  'stream.php': `<?php header('Content-Type: text/plain'); echo "first\\n"; flush();
    $until = microtime(true) + 20;
    while (!file_exists(__DIR__ . '/go') && microtime(true) < $until) usleep(10000);
    echo "second\\n";`,
  'big.php': `<?php for ($i = 0; $i < 512; $i++) echo str_repeat(chr(65 + $i % 26), 16384);`,
  'status.php': `<?php http_response_code(418); header('X-Accel-Redirect: /secret'); echo 'teapot';`,
  'away.php': `<?php header('Location: /elsewhere');`,
  'crash.php': `<?php exec('kill -9 ' . getmypid());`,
  'warn.php': `<?php error_log('something is odd'); echo 'done';`,
  'sleep.php': `<?php usleep(200000); echo 'slept';`,
};

before(async () => {
  php = await startPhpFpm(suite, scripts);
  const fastcgi = { root: php.root };
  sluice = await startSluice(
    {
      cores: 2,
      upstreams: {
        unix: { peers: [`fastcgi+unix:${php.socket}`], fastcgi },
        tcp: {
          peers: [`fastcgi://127.0.0.1:${php.port}`],
          fastcgi: { ...fastcgi, keptMax: 1, frontController: null, params: { APP_ENV: 'test' } },
          active: { type: 'tcp' },
          connectionsMax: 2,
        },
      },
      routes: [
        { match: { host: 'unix.test' }, to: 'unix' },
        { match: { host: 'tcp.test' }, to: 'tcp' },
      ],
    },
    { context: suite },
  );
});

async function ask(target: string, options: Parameters<typeof request>[1] = {}) {
  return request(sluice.port, { host: 'unix.test', target, ...options });
}

describe('a PHP application', () => {
  it('is told what CGI promises, and nothing that a client made up', async () => {
    const answer = await ask('/index.php/a%20b/c?x=1&y=%2F', {
      fields: ['Proxy: http://evil', 'X_Forwarded_For: 6.6.6.6', 'X-Twice: 1', 'X-Twice: 2'],
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.headers('x-app'), ['front']);
    assert.deepEqual(answer.headers('x-powered-by'), []);
    const server = JSON.parse(answer.text()) as Record<string, string>;
    const expected = {
      SCRIPT_FILENAME: `${php.root}/index.php`,
      SCRIPT_NAME: '/index.php',
      PATH_INFO: '/a b/c',
      QUERY_STRING: 'x=1&y=%2F',
      REQUEST_URI: '/index.php/a%20b/c?x=1&y=%2F',
      REQUEST_METHOD: 'GET',
      REMOTE_ADDR: '127.0.0.1',
      SERVER_NAME: 'unix.test',
      HTTP_HOST: 'unix.test',
      HTTP_X_TWICE: '1, 2',
      HTTP_X_FORWARDED_FOR: '127.0.0.1',
      REQUEST_SCHEME: 'http',
      GATEWAY_INTERFACE: 'CGI/1.1',
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(server[name], value, name);
    assert.equal(server['HTTP_PROXY'], undefined);
    assert.equal(server['HTTPS'], undefined);
  });

  it('answers all other paths by its front controller, or not at all', async () => {
    const front = JSON.parse((await ask('/blog/2026?page=2')).text()) as Record<string, string>;
    assert.equal(front['SCRIPT_NAME'], '/index.php');
    assert.equal(front['REQUEST_URI'], '/blog/2026?page=2');
    const strict = (target: string) => ask(target, { host: 'tcp.test' });
    assert.equal((await strict('/blog')).status, 404);
    const root = JSON.parse((await strict('/')).text()) as Record<string, string>;
    assert.equal(root['APP_ENV'], 'test');
  });

  it('gets forms, cookies and keeps sessions', async () => {
    const form = await ask('/form.php?a=1', {
      method: 'POST',
      fields: ['Content-Type: application/x-www-form-urlencoded', 'Cookie: c=d'],
      body: 'b=2&e=%C3%A9',
    });
    assert.deepEqual(JSON.parse(form.text()), {
      get: { a: '1' },
      post: { b: '2', e: 'é' },
      cookie: { c: 'd' },
    });
    const first = await ask('/count.php');
    const [cookie = ''] = first.headers('set-cookie');
    const again = await ask('/count.php', { fields: [`Cookie: ${cookie.split(';')[0]}`] });
    assert.equal(again.text(), '2');
  });

  it('takes uploads whole, of declared and of unknown length', async () => {
    const file = randomBytes(3 * 1024 * 1024 + 5);
    const sha = createHash('sha256').update(file).digest('hex');
    const part = 'Content-Disposition: form-data; name="file"; filename="f.bin"';
    const body = Buffer.concat([
      Buffer.from(`--B\r\n${part}\r\n\r\n`),
      file,
      Buffer.from('\r\n--B--\r\n'),
    ]);
    const multipart = await ask('/upload.php', {
      method: 'POST',
      fields: ['Content-Type: multipart/form-data; boundary=B'],
      body,
    });
    assert.equal(multipart.text(), `${file.length} ${sha}`);
    const client = await connectClient(sluice.port, { context: suite });
    await client.send(
      'POST /upload.php HTTP/1.1\r\nHost: unix.test\r\nContent-Type: text/plain\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    );
    const chunked = await client.response();
    assert.equal(chunked.text(), createHash('sha256').update('hello world').digest('hex'));
  });

  it('streams what it flushes, and large answers whole', async () => {
    let text = '';
    const headers = { host: 'unix.test' };
    get({ port: sluice.port, path: '/stream.php', headers, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    });
    await until(() => text === 'first\n', { what: 'the first line' });
    writeFileSync(`${php.root}/go`, '');
    await until(() => text === 'first\nsecond\n', { what: 'the second line' });
    assert.equal((await ask('/big.php')).body.length, 512 * 16_384);
  });

  it('sets the status, redirects, and can not make the proxy send files', async () => {
    const teapot = await ask('/status.php');
    assert.equal(teapot.status, 418);
    assert.deepEqual(teapot.headers('x-accel-redirect'), []);
    const away = await ask('/away.php');
    assert.equal(away.status, 302);
    assert.deepEqual(away.headers('location'), ['/elsewhere']);
    const head = await ask('/big.php', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.body.length, 0);
  });

  it('is out of reach for paths that leave its root', async () => {
    for (const target of [
      '/..%2f..%2fetc/passwd.php',
      '/a%00.php',
      '/%2e%2e/x.php',
      '/a%5cb.php',
    ]) {
      assert.equal((await ask(target)).status, 400, target);
    }
  });

  it('has its stderr in the events', async () => {
    assert.equal((await ask('/warn.php')).text(), 'done');
    await sluice.untilEvent(
      ({ line }) => /something is odd/.test(String(line)),
      'the line on stderr',
    );
  });

  it('answers 502 for a process that dies, and goes on', async () => {
    assert.equal((await ask('/crash.php')).status, 502);
    for (let at = 0; at < 8; at++) assert.equal((await ask('/form.php')).status, 200);
  });

  it('serves more clients than it has connections, on kept ones', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => ask('/sleep.php', { host: 'tcp.test' })),
    );
    assert.deepEqual(new Set(answers.map((answer) => answer.text())), new Set(['slept']));
  });
});
