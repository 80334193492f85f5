// What a transport promises about heads: the request's byte for byte, the response's without what
// concerns the hop.

import assert from 'node:assert/strict';
import { answering, onEachRequest, sizedResponse, startOrigin } from '../../support/origin.ts';
import { headerLines, makePeer, RecordingAttempt } from '../../unit/worker/support/attempts.ts';
import { makeExchange, makePlan, RecordingSink } from '../../unit/worker/support/exchanges.ts';
import { type ContractTest, ROOMY, setStage } from './stage.ts';

export const headTests: Readonly<Record<string, ContractTest>> = {
  'sends method, target, Host and fields byte for byte': async (context, factory) => {
    const stage = await setStage(context, factory, answering(sizedResponse('ok')));
    const headers = ['x-octets', '\u00e9\u00ff', 'accept', '*/*', 'x-twice', 'a', 'x-twice', 'b'];
    await stage.fetch({ target: '/a/../b%2F?x=1&y=\u00fc', host: 'Example.com:81', headers });
    const [request] = stage.origin.requests;
    assert.equal(request!.startLine, 'GET /a/../b%2F?x=1&y=\u00fc HTTP/1.1');
    const fields = request!.fields.map(([name, value]) => `${name.toLowerCase()}: ${value}`);
    assert.deepEqual(
      fields.filter((field) => !field.startsWith('connection:')),
      ['host: Example.com:81', 'x-octets: \u00e9\u00ff', 'accept: */*', 'x-twice: a', 'x-twice: b'],
    );
  },

  'names in Host whom the plan says': async (context, factory) => {
    const origin = await startOrigin(answering(sizedResponse('ok')), { context });
    const { upstream, close } = factory(ROOMY);
    context.after(close);
    const peer = makePeer(origin.port);
    for (const hostHeader of ['client', 'peer', { literal: 'app.internal' }] as const) {
      const exchange = makeExchange({ host: 'client.example', headers: [] });
      const plan = makePlan();
      exchange.plan = { ...plan, requestHead: { ...plan.requestHead, hostHeader } };
      const attempt = new RecordingAttempt();
      upstream.send(exchange, peer, attempt);
      await attempt.over();
    }
    assert.deepEqual(
      origin.requests.map(({ fields }) => fields.find(([name]) => /^host$/i.test(name))![1]),
      ['client.example', peer.address.authority, 'app.internal'],
    );
  },

  'says that a request which could have a body has none': async (context, factory) => {
    const stage = await setStage(context, factory, answering(sizedResponse('ok')));
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) await stage.fetch({ method });
    const lengths = stage.origin.requests.map(
      ({ fields }) => fields.find(([name]) => /^content-length$/i.test(name))?.[1],
    );
    assert.deepEqual(lengths.slice(0, 4), [undefined, '0', '0', '0']);
    assert.ok(lengths[4] === undefined || lengths[4] === '0');
  },

  'passes response fields on in order, with duplicates and octets above 127': async (
    context,
    factory,
  ) => {
    const fields = ['Set-Cookie: a=1', 'X-Octets: \u00e9\u00ff', 'Set-Cookie: b=2', 'X-Empty:'];
    const stage = await setStage(context, factory, answering(sizedResponse('ok', fields)));
    const { exchange } = await stage.fetch();
    assert.equal(exchange.status, 200);
    assert.equal(exchange.responseByteLength, 2);
    assert.deepEqual(headerLines(exchange), [
      'set-cookie: a=1',
      'x-octets: \u00e9\u00ff',
      'set-cookie: b=2',
      'x-empty: ',
    ]);
  },

  'keeps to itself what concerns the hop': async (context, factory) => {
    const fields = [
      'Connection: X-Hop, keep-alive',
      'X-Hop: 1',
      'Keep-Alive: timeout=9',
      'Proxy-Connection: keep-alive',
      'Date: Sat, 21 Nov 2026 00:00:00 GMT',
      'X-End: 2',
    ];
    const stage = await setStage(context, factory, answering(sizedResponse('ok', fields)));
    assert.deepEqual(headerLines((await stage.fetch()).exchange), ['x-end: 2']);
  },

  'passes on what a 103 says that browsers act upon, and nothing of other interim responses':
    async (context, factory) => {
      const interim =
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nServer: x\r\nLink: </b.js>\r\n\r\n' +
        'HTTP/1.1 102 Processing\r\nLink: </no>\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Other: 1\r\n\r\n';
      const origin = await startOrigin(
        onEachRequest((connection) => connection.send(interim, sizedResponse('ok'))),
        { context },
      );
      const { upstream, close } = factory(ROOMY);
      context.after(close);
      const hints: string[][] = [];
      const client = Object.assign(new RecordingSink(), {
        hint: (fields: string[]) => {
          hints.push(fields);
        },
      });
      const exchange = makeExchange({ headers: [] }, client);
      const attempt = new RecordingAttempt();
      upstream.send(exchange, makePeer(origin.port), attempt);
      await attempt.over();
      assert.deepEqual(hints, [['link', '</a.css>; rel=preload', 'link', '</b.js>']]);
      assert.equal(exchange.status, 200);
    },

  'consumes interim responses': async (context, factory) => {
    const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => connection.send(interim + interim, sizedResponse('ok'))),
    );
    const { exchange, attempt } = await stage.fetch();
    assert.equal(exchange.status, 200);
    assert.deepEqual(headerLines(exchange), []);
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },

  'takes HEAD, 204 and 304 as bodiless, knows what they declare and keeps the connection': async (
    context,
    factory,
  ) => {
    const answers: Record<string, string> = {
      '/head': 'HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n',
      '/unknown': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      '/204': 'HTTP/1.1 204 No Content\r\n\r\n',
      '/304': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "e"\r\n\r\n',
    };
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection, { target }) => connection.send(answers[target]!)),
    );
    const head = await stage.fetch({ method: 'HEAD', target: '/head' });
    assert.equal(head.exchange.responseByteLength, 12345);
    const unknown = await stage.fetch({ method: 'HEAD', target: '/unknown' });
    assert.equal(unknown.exchange.responseByteLength, -1);
    assert.equal((await stage.fetch({ target: '/204' })).exchange.responseByteLength, 0);
    const notModified = await stage.fetch({ target: '/304' });
    assert.equal(notModified.exchange.responseByteLength, 77);
    assert.deepEqual(headerLines(notModified.exchange), ['etag: "e"']);
    for (const { attempt } of [head, unknown, notModified]) {
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(attempt.byteCount, 0);
    }
    assert.equal(stage.origin.connections.length, 1);
  },

  'reads a head that comes byte by byte': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => connection.sendSlowly(sizedResponse('ok', ['X-Slow: yes']))),
    );
    const { exchange, attempt } = await stage.fetch();
    assert.deepEqual(headerLines(exchange), ['x-slow: yes']);
    assert.equal(attempt.body.toString(), 'ok');
  },
};
