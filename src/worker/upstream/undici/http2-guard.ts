// Keeps faults away from the worker that show in undici's HTTP/2 streams; the first two when it gives one
// up: because the client left, or a time limit struck.
//
// `close()` of a stream whose request body is unsent emits `aborted` before it submits RST_STREAM; the
// pipeline that feeds the body then destroys the stream, so that no RST_STREAM is ever sent; and Node's
// native session goes on asking the missing stream for data in an endless loop that eats memory. Destroyed
// by an abort signal instead the stream is reset with CANCEL, which is also what should be said.
//
// And undici takes its listeners off a stream that Node may still report an error to, which would end the
// process: so each stream keeps one of ours.
//
// When trailers arrive undici stops listening for data, also to what waits in a stream that is paused: the
// response would end early and look complete. So trailers are told to it behind the last of the data.
//
// A connection that is reset after its peer said GOAWAY is nothing to Node: it ends the streams that still
// run as if they were whole. So a stream that goes before its last frame came has an error. A reset with
// NO_ERROR is the end of a response, though (RFC 9113 section 8.1): Node's own servers send it instead of
// the last frame when nobody has read the request and the window is used up. A Content-Length is held to.
//
// And a connection that ends takes what waits in its streams with it, though their last frames had come. So
// a stream is not paused any more when its last frame is there; a window of bytes is all that may follow.
//
// A peer may answer before it has the whole request. undici forgets about the stream then, which stays open
// and counts among those that the peer allows: so it is reset.

import { subscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { addAbortSignal } from 'node:stream';

let isInstalled = false;

/** Watches over every HTTP/2 stream that this process opens from now on; installs itself once. */
export function guardHttp2Streams(): void {
  if (isInstalled) return;
  isInstalled = true;
  subscribe('http2.client.stream.created', (message) => {
    guard((message as { stream: ClientHttp2Stream }).stream);
  });
}

/** `ended` is true once the end has arrived, read or not; what is public tells only when it was read. */
interface Ended {
  readonly _readableState: { readonly ended: boolean };
}

function guard(stream: ClientHttp2Stream): void {
  const close = stream.close.bind(stream);
  stream.close = (code = constants.NGHTTP2_CANCEL, callback) => {
    if (stream.writableFinished || stream.destroyed) {
      close(code, callback);
      return;
    }
    if (callback !== undefined) stream.once('close', callback);
    addAbortSignal(AbortSignal.abort(), stream);
  };
  const destroy = stream._destroy.bind(stream);
  stream._destroy = (error, callback) => {
    // It also ends the readable side, so that this is not to be seen afterwards.
    const isWhole = isEnded(stream);
    destroy(error ?? (isWhole ? null : endedEarly(stream)), callback);
  };
  const push = stream.push.bind(stream);
  stream.push = (chunk, encoding) => {
    if (chunk === null && !stream.destroyed) {
      stream.pause = () => stream;
      if (stream.isPaused()) stream.resume();
    }
    return push(chunk, encoding);
  };
  stream.on('error', ignore);
  // Behind undici's own listener, and when all that is sent is known to be.
  stream.once('end', () => setImmediate(() => resetUnsent(stream)));
  const emit = stream.emit.bind(stream) as (name: string | symbol, ...values: unknown[]) => boolean;
  stream.emit = (name: string | symbol, ...values: unknown[]) => {
    if (name !== 'trailers' || stream.readableLength === 0) return emit(name, ...values);
    // Before undici's own listener, which completes the response.
    stream.prependOnceListener('end', () => emit(name, ...values));
    return true;
  };
}

function resetUnsent(stream: ClientHttp2Stream): void {
  if (!stream.writableFinished && !stream.destroyed) stream.close();
}

function isEnded(stream: ClientHttp2Stream): boolean {
  return (stream as unknown as Ended)._readableState.ended;
}

function endedEarly({ rstCode }: ClientHttp2Stream): Error {
  return new Error(`HTTP/2: stream ended before its last frame, code ${rstCode}`);
}

function ignore(): void {}
