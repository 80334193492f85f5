// `sluice explain`: its command line, and what it says about real configurations.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { parseCli } from '../../../src/cli/cli.ts';
import { runCommand } from '../../../src/cli/run-command.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const config = `listeners: [{ port: 8080 }]
upstreams:
  app: { peers: ['http://127.0.0.1:9001', { url: 'http://127.0.0.1:9002', weight: 2 }] }
  beta: { peers: ['http://127.0.0.1:9003'] }
matchers:
  office: { client: [10.0.0.0/8] }
routes:
  - { name: all, to: app }
  - name: images
    match: { host: app.test, path: /images/* }
    to: app
    cache: true
    clients: { deny: [203.0.113.0/24] }
  - name: beta
    match: { host: app.test, path: /images/*, header: { x-beta: '1' }, is: [office] }
    to: beta
  - name: none
    match: { host: app.test, path: /images/*, method: POST, not: [{ query: { a: '1' } }] }
    respond: { status: 405 }
`;

async function explain(context: TestContext, ...args: string[]) {
  const folder = createTempDir(context);
  writeFileSync(folder.file('app.yaml'), config);
  let text = '';
  const io = {
    stdout: (part: string) => (text += part),
    stderr: (part: string) => (text += part),
    env: {},
    cwd: folder.path,
  };
  const command = parseCli(['explain', ...args, 'app.yaml']);
  assert.ok(command.name === 'explain', JSON.stringify(command));
  const code = await runCommand(command, io);
  return { code, text };
}

describe('sluice explain', () => {
  it('takes a URL, a configuration and a request as curl does', () => {
    const command = parseCli(
      'explain https://a.test/x app.yaml -X PUT -H A:1 --client ::1 --route r --json'.split(' '),
    );
    assert.ok(command.name === 'explain');
    const place = { country: null, continent: null, asn: 0 };
    assert.deepEqual(command.request, {
      ...{ request: 'PUT https://a.test/x', headers: { a: '1' }, body: null, client: '::1' },
      ...place,
    });
    assert.deepEqual([command.file, command.route, command.isJson], ['app.yaml', 'r', true]);
    for (const line of ['', 'a.test', 'http://a/ b c', 'http://a/ --client x', 'http://a/ -H x']) {
      assert.equal(parseCli(`explain ${line}`.trim().split(' ')).name, 'usage', line);
    }
    assert.equal(parseCli(['explain', '--help']).name, 'help');
  });

  it('names the routes in order, and what is not met of those passed over', async (context) => {
    const { code, text } = await explain(context, 'http://app.test/images//a.png');
    assert.equal(code, 0);
    assert.equal(
      text,
      `GET http://app.test/images//a.png from 192.0.2.1

it reaches app by route 'images'
its target is read as /images/a.png

routes for its host, path and method, the most specific first
  passed over     'beta'    not met: header x-beta, is
  takes it        'images'  app.yaml:9
  comes after it  'all'     app.yaml:8

on the way: clients

upstream app by power-of-two
  http://127.0.0.1:9001
  http://127.0.0.1:9002  weight 2

on the way back: cache
`,
    );
  });

  it('agrees with the table of the workers on who takes a request', async (context) => {
    const url = 'http://app.test/images/a?a=1';
    const post = await explain(context, url, '-X', 'POST');
    assert.match(post.text, /passed over +'none' +not met: not\n/);
    assert.match(post.text, /takes it +'images'/);
    const office = await explain(context, url, '-H', 'X-Beta: 1', '--client', '10.1.2.3');
    assert.match(office.text, /it reaches beta by route 'beta'\n/);
  });

  it('says of a route why it does not take the request', async (context) => {
    const { text } = await explain(context, 'http://b.test/x', '--route', 'none');
    assert.match(text, /route 'none': not met: host, path, method\n/);
    const unknown = await explain(context, 'http://b.test/x', '--route', 'nobody');
    assert.equal(unknown.code, 2);
    assert.match(unknown.text, /no route 'nobody'; there are 'all', 'images'/);
  });

  it('says why a target is refused, and all of it for programs', async (context) => {
    const refused = await explain(context, 'http://app.test/a%2fb');
    assert.match(refused.text, /it is refused: encoded slash\n$/);
    const { text } = await explain(context, 'http://app.test/images/a', '-X', 'POST', '--json');
    const answer = JSON.parse(text);
    assert.deepEqual([answer.route, answer.status, answer.upstreams], ['none', 405, []]);
  });
});
