// HTTP/2 of one listener: a session per connection, fed with connections that somebody else accepted.
//
// What a client may cost: streams at a time, bytes per stream (windows), size and number of fields (also
// after decompression), frames of CONTINUATION (nghttp2: 8), streams reset, and control frames (budget
// below). Beyond it the session ends with ENHANCE_YOUR_CALM.

import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Swept } from '../sweeper.ts';
import { readHttp2Head } from './http2-head.ts';
import { Http2Writer } from './http2-writer.ts';
import { admit } from './intake.ts';
import type { Connection, ListenerState } from './listener-state.ts';
import { StreamOffer } from './stream-offer.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants;

const STREAMS_MAX = 128;
/** So many uploads at a time, as far as their own windows allow, do not wait for each other. */
const WINDOWS_PER_CONNECTION = 16;
/** RFC 9113 section 6.9.1. */
const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** Node's default is 10 MiB; it counts what nghttp2 and the streams of a session hold. */
const SESSION_MEMORY_MIB = 8;
const SETTINGS_MAX = 32;
const OUTSTANDING_MAX = 10;
const INVALID_FRAMES_MAX = 100;
const REJECTED_STREAMS_MAX = 100;
/** Streams that a client may cancel at once, and per second on average, also by making us do it. */
const RESET_BURST = 200;
const RESETS_PER_S = 50;
/** nghttp2 counts RST_STREAM frames by itself, but goes on with what it has read already. */
const RESET_FRAMES_FACTOR = 5;
/** PING and SETTINGS frames that a client may send at once, and per second on average. */
const CONTROL_BURST = 200;
const CONTROL_PER_S = 20;
const TOO_MUCH = new Error('too many frames');
/** Pseudo-fields come on top of those that are counted. */
const PSEUDO_FIELDS = 6;

export class Http2Server {
  readonly #state: ListenerState;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(state: ListenerState) {
    this.#state = state;
  }

  /** Serves the streams of a connection that is open already. */
  take(socket: Duplex, connection: Connection): void {
    const session = performServerHandshake(socket, this.#sessionOptions()) as ServerHttp2Session;
    this.#sessions.add(session);
    const windowBytes = this.#state.settings.streamBufferBytes * WINDOWS_PER_CONNECTION;
    if (!session.destroyed) session.setLocalWindowSize(Math.min(windowBytes, WINDOW_BYTES_MAX));
    const idleness = new Idleness(session, this.#state);
    session.on('close', () => {
      this.#sessions.delete(session);
      idleness.stop();
    });
    session.on('error', () => session.destroy());
    const exceeded = (): void => session.destroy(TOO_MUCH, NGHTTP2_ENHANCE_YOUR_CALM);
    const spendControl = budget(CONTROL_BURST, CONTROL_PER_S, exceeded);
    session.on('ping', spendControl);
    session.on('remoteSettings', spendControl);
    const spendReset = budget(RESET_BURST, RESETS_PER_S, exceeded);
    session.on('stream', (stream, _headers, flags, raw) => {
      idleness.opened();
      // Reported by `close`, too.
      stream.on('error', ignore);
      const writer = this.#takeStream(stream, raw as unknown as string[], flags, connection);
      stream.on('close', () => {
        idleness.closed();
        writer?.closed();
        if (writer === null || writer.isCancelled) spendReset();
      });
    });
    if (this.#state.isDraining) session.close();
  }

  /** Tells all clients to open no more streams here; those that are open go on. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #takeStream(
    stream: ServerHttp2Stream,
    raw: readonly string[],
    flags: number,
    connection: Connection,
  ): Http2Writer | null {
    // Cancelled in the very segment that opened it: nobody waits for an answer.
    if (stream.closed || stream.destroyed) return null;
    const isEmpty = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = readHttp2Head(raw, isEmpty, this.#state.settings.requestHeaderCount);
    const wish = head.webSocket;
    const { takesTrailers } = head;
    const writer = new Http2Writer(stream, { takesTrailers, hasInput: !isEmpty });
    const body = admit(this.#state, {
      connection,
      head,
      writer,
      input: stream,
      // Node ends the stream also when it is reset, or goes with its connection.
      isWhole: () => !stream.closed && !stream.destroyed,
      offer: wish === null ? null : (sink) => new StreamOffer(this.#state, sink, { wish, stream }),
    });
    if (body !== null) {
      stream.on('trailers', (_headers: unknown, _flags: number, raw: string[]) => {
        body.trailers = raw;
      });
    }
    return writer;
  }

  #sessionOptions(): ServerSessionOptions {
    const { requestHeadBytes, requestHeaderCount, streamBufferBytes } = this.#state.settings;
    return {
      maxSessionMemory: SESSION_MEMORY_MIB,
      maxSettings: SETTINGS_MAX,
      maxOutstandingPings: OUTSTANDING_MAX,
      maxOutstandingSettings: OUTSTANDING_MAX,
      maxHeaderListPairs: requestHeaderCount + PSEUDO_FIELDS + 1,
      maxSessionInvalidFrames: INVALID_FRAMES_MAX,
      maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
      streamResetBurst: RESET_BURST * RESET_FRAMES_FACTOR,
      streamResetRate: RESETS_PER_S * RESET_FRAMES_FACTOR,
      settings: {
        maxConcurrentStreams: STREAMS_MAX,
        maxHeaderListSize: requestHeadBytes,
        initialWindowSize: streamBufferBytes,
        enableConnectProtocol: true,
      },
    } as ServerSessionOptions;
  }
}

function ignore(): void {}

/** Tells a client to go when it has had no stream for a while. */
class Idleness implements Swept {
  readonly #session: ServerHttp2Session;
  readonly #state: ListenerState;
  #streams = 0;
  #ticks = 0;

  constructor(session: ServerHttp2Session, state: ListenerState) {
    this.#session = session;
    this.#state = state;
    state.sweeper.add(this);
  }

  opened(): void {
    this.#streams += 1;
  }

  closed(): void {
    this.#streams -= 1;
    this.#ticks = 0;
  }

  stop(): void {
    this.#state.sweeper.remove(this);
  }

  tick(): void {
    if (this.#streams > 0) return;
    this.#ticks += 1;
    const { sweeper, settings } = this.#state;
    const limit = sweeper.ticks(settings.clientIdleMs);
    if (this.#ticks === limit) this.#session.close();
    // Who does not close in turn is cut.
    else if (this.#ticks > 2 * limit) this.#session.destroy();
  }
}

/** Returns what to call for each thing that is counted; `exceeded` is called once when there were too many. */
function budget(burst: number, perSecond: number, exceeded: () => void): () => void {
  let left = burst;
  let atMs = performance.now();
  return () => {
    const nowMs = performance.now();
    left = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond) - 1;
    atMs = nowMs;
    if (left >= 0 || left === Number.NEGATIVE_INFINITY) return;
    left = Number.NEGATIVE_INFINITY;
    exceeded();
  };
}
