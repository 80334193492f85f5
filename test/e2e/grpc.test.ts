// gRPC end to end: a real client and a real server (@grpc/grpc-js) with the whole proxy in between, HTTP/2
// on both sides.

import assert from 'node:assert/strict';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import {
  type Client,
  credentials,
  type Metadata,
  Metadata as MetadataClass,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { createSignal, DEADLINE_MS, until } from '../support/deadline.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';

const suite = suiteCleanup();
const bytes = (value: Buffer) => value;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}

const service: ServiceDefinition = {
  unary: method('Unary', false, false),
  many: method('Many', false, true),
  collect: method('Collect', true, false),
  chat: method('Chat', true, true),
};

/** Calls that the peer was told to give up, with the time that was left to each in ms. */
const cancelled: number[] = [];
/** The client has the first answer of a peer that dies. */
const heard = createSignal();
let sluice: Sluice;
let client: Client & Record<string, CallableFunction>;

before(async () => {
  const server = new Server();
  server.addService(service, implementation());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  suite.after(() => server.forceShutdown());
  sluice = await startSluice(
    {
      cores: 1,
      listeners: [{ host: '127.0.0.1', port: 0, http2: true }],
      upstreams: {
        app: { transport: 'undici', h2c: true, peers: [`http://127.0.0.1:${port}`] },
        gone: { transport: 'undici', h2c: true, peers: ['http://127.0.0.1:1'] },
        dying: { transport: 'undici', h2c: true, peers: [await startDyingPeer()] },
      },
      routes: [
        { to: 'app' },
        { match: { path: '/test.Echo/Gone' }, to: 'gone' },
        { match: { path: ['/test.Echo/DiesAtOnce', '/test.Echo/DiesLater'] }, to: 'dying' },
      ],
    },
    { context: suite },
  );
  const ready = await sluice.untilEvent(({ msg }) => msg === 'sluice is ready', 'it is ready');
  const [listener] = ready['listeners'] as [{ port: number }];
  const Echo = makeGenericClientConstructor(
    {
      ...service,
      gone: method('Gone', false, false),
      dies: method('DiesAtOnce', false, false),
      diesLater: method('DiesLater', false, true),
    } as ServiceDefinition,
    'Echo',
  );
  client = new Echo(`127.0.0.1:${listener.port}`, credentials.createInsecure()) as typeof client;
  suite.after(() => client.close());
});

describe('gRPC through the proxy', () => {
  it('carries a unary call with metadata both ways and a trailer', async () => {
    const metadata = new MetadataClass();
    metadata.set('x-asked', 'yes');
    const { answer, head, tail } = await call('unary', 'hello', metadata);
    assert.equal(String(answer), 'hello');
    assert.deepEqual(head.get('x-asked'), ['yes']);
    assert.deepEqual(tail.get('x-tail'), ['1']);
  });

  it('carries a message of 3 MiB', async () => {
    // More than any window: trailers arrive while the proxy is paused.
    const { answer, error } = await call('unary', Buffer.alloc(3 * 1024 * 1024, 'm'));
    assert.equal(error, null);
    assert.equal(answer?.length, 3 * 1024 * 1024);
  });

  it('passes the status and message of a call that fails', async () => {
    const { error } = await call('unary', 'fail');
    assert.equal(error?.code, status.INVALID_ARGUMENT);
    assert.equal(error.details, 'not this');
  });

  it('carries a stream of answers, and a stream of questions', async () => {
    const answers: string[] = [];
    const stream = client['many']!(Buffer.from('5'));
    for await (const message of stream) answers.push(String(message));
    assert.deepEqual(answers, ['0', '1', '2', '3', '4']);

    const sum = await new Promise<string>((resolve, reject) => {
      const asked = client['collect']!((error: ServiceError | null, answer: Buffer) => {
        if (error === null) resolve(String(answer));
        else reject(error);
      });
      for (const text of ['a', 'b', 'c']) asked.write(Buffer.from(text));
      asked.end();
    });
    assert.equal(sum, 'abc');
  });

  it('carries a conversation, each side in its turn', async () => {
    const chat = client['chat']!();
    const heard: string[] = [];
    for (const text of ['one', 'two', 'three']) {
      const answered = new Promise<Buffer>((resolve) => chat.once('data', resolve));
      chat.write(Buffer.from(text));
      heard.push(String(await answered));
    }
    const ended = new Promise((resolve) => chat.once('status', resolve));
    chat.end();
    assert.deepEqual(heard, ['one', 'two', 'three']);
    assert.equal(((await ended) as { code: number }).code, status.OK);
  });

  it('ends at the deadline of the client', async () => {
    // Long enough for the call to get to the peer on any machine.
    const { error } = await call('unary', 'slow', new MetadataClass(), { deadline: 2000 });
    assert.equal(error?.code, status.DEADLINE_EXCEEDED);
    // The peer knew of it, and is told that nobody waits any more.
    await until(() => cancelled.length === 1, { what: 'the peer gives up' });
    assert.ok(cancelled[0]! <= 2000, `${cancelled[0]}`);
  });

  it('says UNAVAILABLE when no peer can be reached', async () => {
    const { error } = await call('gone', 'x');
    assert.equal(error?.code, status.UNAVAILABLE);
  });

  it('says UNAVAILABLE when the peer dies before it answers', async () => {
    const { error } = await call('dies', 'x');
    assert.equal(error?.code, status.UNAVAILABLE);
  });

  it('says INTERNAL, and not OK, when the peer dies in the middle of its answers', async () => {
    const answers: string[] = [];
    const stream = client['diesLater']!(Buffer.from('x'));
    const error = await new Promise<ServiceError>((resolve) => {
      stream.on('data', (message: Buffer) => {
        answers.push(String(message));
        heard.resolve();
      });
      stream.on('error', resolve);
    });
    assert.deepEqual([answers, error.code], [['one'], status.INTERNAL]);
  });
});

/** Ends the connection under each call: at once, or when the first answer was heard. */
async function startDyingPeer(): Promise<string> {
  const server = createServer((_, response) => {
    const stream = response.stream as ServerHttp2Stream;
    stream.on('error', () => {});
    if (response.req.url.endsWith('AtOnce')) {
      stream.session?.destroy();
      return;
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    // Not compressed, three octets.
    stream.write(Buffer.from('\0\0\0\0\x03one', 'latin1'));
    void heard.promise.then(() => stream.session?.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  suite.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Outcome {
  answer: Buffer | undefined;
  error: ServiceError | null;
  head: Metadata;
  tail: Metadata;
}

function call(
  name: string,
  message: string | Buffer,
  metadata = new MetadataClass(),
  options: { deadline?: number } = {},
): Promise<Outcome> {
  const deadline = Date.now() + (options.deadline ?? DEADLINE_MS);
  return new Promise((resolve) => {
    const outcome: Outcome = {
      answer: undefined,
      error: null,
      head: new MetadataClass(),
      tail: new MetadataClass(),
    };
    const asked = client[name]!(
      Buffer.from(message),
      metadata,
      { deadline },
      (error: ServiceError | null, answer?: Buffer) => {
        outcome.error = error;
        outcome.answer = answer;
      },
    );
    asked.on('metadata', (head: Metadata) => {
      outcome.head = head;
    });
    asked.on('status', ({ metadata: tail }: { metadata: Metadata }) => {
      outcome.tail = tail;
      setImmediate(() => resolve(outcome));
    });
  });
}

function implementation() {
  return {
    unary(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      const text = String(call.request.subarray(0, 10));
      const tail = new MetadataClass();
      tail.set('x-tail', '1');
      if (text === 'fail') done({ code: status.INVALID_ARGUMENT, details: 'not this' });
      else if (text === 'slow') {
        const leftMs = Number(call.getDeadline()) - Date.now();
        call.on('cancelled', () => cancelled.push(leftMs));
      } else {
        const head = new MetadataClass();
        for (const value of call.metadata.get('x-asked')) head.set('x-asked', value);
        call.sendMetadata(head);
        done(null, call.request, tail);
      }
    },
    many(call: ServerWritableStream<Buffer, Buffer>) {
      for (let at = 0; at < Number(String(call.request)); at++) call.write(Buffer.from(`${at}`));
      call.end();
    },
    collect(call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
      let text = '';
      call.on('data', (message: Buffer) => {
        text += message;
      });
      call.on('end', () => done(null, Buffer.from(text)));
    },
    chat(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => call.end());
    },
  };
}
