// The proxy in front of applications in other languages, on the servers that their standard libraries have:
// Java (the JDK's HttpServer) and Python (WSGI). Node, PHP and plain files are in files of their own.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { connectClient, request } from '../support/client.ts';
import { startForeignServer } from '../support/foreign-server.ts';
import { freePort } from '../support/free-port.ts';
import { askHttp, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
let sluice: Sluice;

before(async () => {
  const [java, python] = await Promise.all([
    startApplication('java', 'Application.java'),
    startApplication('python3', 'application.py'),
  ]);
  sluice = await startSluice(
    {
      cores: 2,
      upstreams: {
        java: { peers: [`http://127.0.0.1:${java}`] },
        python: { peers: [`http://127.0.0.1:${python}`] },
      },
      routes: [
        { match: { host: 'java.test' }, to: 'java' },
        { match: { host: 'python.test' }, to: 'python' },
      ],
    },
    { context: suite },
  );
});

async function startApplication(command: string, file: string): Promise<number> {
  const port = await freePort();
  const path = fileURLToPath(new URL(`applications/${file}`, import.meta.url));
  const isUp = () =>
    askHttp(port, '/client').then(
      () => true,
      () => false,
    );
  // Java compiles the file first.
  const deadlineMs = 60_000;
  await startForeignServer(command, [path, String(port)], { context: suite, isUp, deadlineMs });
  return port;
}

describe('a Java application behind the proxy', () => {
  const host = 'java.test';

  it('receives bodies of every kind', async () => {
    const body = randomBytes(300_000);
    const sum = createHash('sha256').update(body).digest('hex');
    const head = `PUT /sum HTTP/1.1\r\nHost: ${host}\r\n`;
    for (let turn = 0; turn < 3; turn++) {
      // The fast engine closes the connection after a chunked request.
      const client = await connectClient(sluice.port, { context: suite });
      await client.send(`${head}Content-Length: ${body.length}\r\n\r\n`);
      await client.send(body);
      assert.equal((await client.response()).text(), `300000 ${sum} null\n`);
      await client.send(`${head}Transfer-Encoding: chunked\r\n\r\n493e0\r\n`);
      await client.send(body);
      await client.send('\r\n0\r\n\r\n');
      assert.equal((await client.response()).text(), `300000 ${sum} chunked\n`);
    }
  });

  it('streams what has no length, many times on kept connections', async () => {
    const client = await connectClient(sluice.port, { context: suite });
    for (let turn = 0; turn < 20; turn++) {
      const answer = await client.request({ host, target: '/pieces' });
      assert.equal(answer.body.toString(), 'piece 1\npiece 2\npiece 3\n');
      assert.equal(answer.header('transfer-encoding'), 'chunked');
    }
  });

  it('knows the client', async () => {
    const fields = ['X-Forwarded-For: 6.6.6.6'];
    const answer = await request(sluice.port, { host, target: '/client', fields });
    assert.equal(answer.body.toString(), '127.0.0.1\n');
  });
});

describe('a WSGI application behind the proxy', () => {
  const host = 'python.test';

  it('sees path, query and body as they were sent', async () => {
    const answer = await request(sluice.port, {
      ...{ host, method: 'POST', target: '/a%20b/c?d=%2F&e', body: 'f=g' },
    });
    const seen = JSON.parse(answer.body.toString());
    assert.deepEqual([seen.path, seen.query, seen.body], ['/a b/c', 'd=%2F&e', 'f=g']);
    assert.equal(seen.HTTP_HOST, host);
  });

  it('can not be told another client, by underscores neither', async () => {
    for (const name of ['X-Forwarded-For', 'X_Forwarded_For', 'x-forwarded_for', 'X_Real_IP']) {
      const answer = await request(sluice.port, { host, fields: [`${name}: 6.6.6.6`] });
      const seen = JSON.parse(answer.body.toString());
      assert.equal(seen.HTTP_X_FORWARDED_FOR, '127.0.0.1', name);
      assert.equal(seen.HTTP_X_REAL_IP, '127.0.0.1', name);
    }
  });
});
