// Requests whose bodies are looked at before they are sent on, on both engines: chosen by what JSON says, or
// looked over for attacks. Whatever is looked at, the peer gets every byte of it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type ClientResponse, connectClient, request } from '../support/client.ts';
import { freePort } from '../support/free-port.ts';
import { startHttpOrigin } from '../support/origin.ts';
import { startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();

const ports: Record<string, number> = {};

before(async () => {
  ports['uws'] = await freePort();
  ports['node'] = await freePort();
  const [light, heavy] = [await startDigesting('light'), await startDigesting('heavy')];
  await startSluice(
    {
      cores: 1,
      listeners: [
        { port: ports['uws'], host: '127.0.0.1' },
        { port: ports['node'], host: '127.0.0.1', engine: 'node' },
      ],
      upstreams: { light: { peers: [light] }, heavy: { peers: [heavy] } },
      jsonBodies: { bytesMax: '1KiB', unreadable: 'refuse' },
      routes: [
        { to: 'light' },
        { match: { path: '/rpc', json: { '/method': 'big' } }, to: 'heavy' },
        { match: { path: '/form' }, to: 'light', filter: { attacks: { mode: 'block' } } },
      ],
    },
    { context: suite },
  );
});

/** A backend that answers with its name and what it got. */
async function startDigesting(name: string): Promise<string> {
  const origin = await startHttpOrigin(
    (asked, answer) => {
      const hash = createHash('sha1');
      asked.on('data', (chunk: Buffer) => hash.update(chunk));
      asked.on('end', () => answer.end(`${name} ${hash.digest('hex')}`));
    },
    { context: suite },
  );
  return origin.url;
}

function got(name: string, body: string): string {
  return `${name} ${createHash('sha1').update(body).digest('hex')}`;
}

for (const engine of ['uws', 'node']) {
  describe(`bodies on engine ${engine}`, () => {
    const post = (target: string, body: string | Uint8Array, ...fields: string[]) =>
      request(ports[engine]!, {
        ...{ method: 'POST', target, body },
        fields: ['content-type: application/json', ...fields],
      });

    /** Sends a body in pieces, each after the one before has arrived. */
    async function postInPieces(target: string, pieces: readonly string[]) {
      const client = await connectClient(ports[engine]!, { context: suite });
      await client.send(
        `POST ${target} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n` +
          'transfer-encoding: chunked\r\n\r\n',
      );
      for (const piece of pieces) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        await client.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      }
      await client.send('0\r\n\r\n');
      return client.response();
    }

    const outcome = ({ status, body }: ClientResponse) =>
      status === 200 ? body.toString() : status;

    it('choose the upstream, in one piece or in chunks', async () => {
      const [big, small] = ['{"method":"big"}', '{"method":"small"}'];
      assert.equal(outcome(await post('/rpc', big)), got('heavy', big));
      assert.equal(outcome(await post('/rpc', small)), got('light', small));
      assert.equal(outcome(await post('/other', big)), got('light', big));
      const pieces = ['{"meth', 'od":"b', 'ig"}'];
      assert.equal(outcome(await postInPieces('/rpc', pieces)), got('heavy', big));
    });

    it('that can not be read are refused where they are asked for, and nowhere else', async () => {
      const long = `{"method":"big","x":"${'x'.repeat(2000)}"}`;
      const zipped = gzipSync('{"method":"big"}');
      assert.equal(outcome(await post('/rpc', long)), 413);
      assert.equal(outcome(await postInPieces('/rpc', [long.slice(0, 900), long.slice(900)])), 413);
      assert.equal(outcome(await post('/rpc', zipped, 'content-encoding: gzip')), 415);
      assert.equal(outcome(await post('/rpc', '{"method":')), 400);
      assert.equal(outcome(await post('/other', long)), got('light', long));
    });

    it('in parts pass with honest files, and not with names that are attacks', async () => {
      const upload = (file: string) =>
        `--b\r\ncontent-disposition: form-data; name="f"; filename="${file}"\r\n\r\n` +
        `${'<script>x</script>'.repeat(50_000)}\r\n--b--\r\n`;
      const send = (body: string) =>
        request(ports[engine]!, {
          ...{ method: 'POST', target: '/form', body },
          fields: ['content-type: multipart/form-data; boundary=b'],
        });
      const honest = upload('holiday (1).html');
      assert.equal(outcome(await send(honest)), got('light', honest));
      assert.equal(outcome(await send(upload('../../x.php'))), 403);
    });

    it('of any length reach the peer as a whole after their beginning was looked at', async () => {
      const body = `{"text":"${'x'.repeat(300_000)}"}`;
      const pieces = [body.slice(0, 1000), body.slice(1000)];
      assert.equal(outcome(await postInPieces('/form', pieces)), got('light', body));
    });
  });
}
