// A stored answer becomes the response of an exchange: whole, a part of it, or the word that nothing has
// changed.

import { randomBytes } from 'node:crypto';
import type { CachedVariant } from '../../core/cache.ts';
import { type Exchange, HEAD_AT_END } from '../../core/exchange.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import type { Sink } from '../../core/sink.ts';
import { monotonicMs } from '../../std/clock.ts';
import { type BodyPart, sendBody, sendParts } from './body-source.ts';
import { type ByteRange, multipartOf, parseByteRanges } from './byte-ranges.ts';
import { addStatus, hitStatus } from './cache-status.ts';
import { allowsRange, isNotModified, notModifiedFields } from './conditional.ts';

/** What the client wants of the answer; '' where it says nothing. */
export interface Wanted {
  readonly range: string;
  readonly ifRange: string;
  readonly ifNoneMatch: string;
  readonly ifModifiedSince: string;
}

/** How answers leave: known when a route is compiled. */
export interface AnswerContext {
  /** Name in Cache-Status, or null. */
  readonly statusName: string | null;
  /** Puts the client stages of the route before the client; null when it has none. */
  readonly stages: ((exchange: Exchange) => Sink) | null;
}

const NO_BODY = new Uint8Array(0);
/** So much leaves together with its head; the clock is not asked for that (hits of 1 KiB: 0.5 % of the CPU). */
const AT_ONCE_BYTES_MAX = 4096;

/**
 * Answers from the store. `status` is the member of Cache-Status; '' for that of a hit, which is made once a
 * second together with the rest of the head.
 */
export function answerFrom(
  exchange: Exchange,
  variant: CachedVariant,
  wanted: Wanted,
  { context, nowMs, status }: { context: AnswerContext; nowMs: number; status: string },
): void {
  const stored = variant.response;
  const head = status === '' ? hitHead(variant, context, nowMs) : headOf(variant, nowMs);
  if (status !== '' && context.statusName !== null) addStatus(head, status);
  exchange.headAtMs = stored.bodyBytes > AT_ONCE_BYTES_MAX ? monotonicMs() : HEAD_AT_END;
  exchange.status = stored.status;
  // Stages change the list; without any it can be the same for all clients of this second.
  exchange.responseHeaders = context.stages === null ? head : head.slice();
  if (stored.status === 200) {
    const { ifNoneMatch, ifModifiedSince, range } = wanted;
    const isConditional = ifNoneMatch !== '' || ifModifiedSince !== '';
    if (isConditional && isNotModified(stored, ifNoneMatch, ifModifiedSince)) {
      exchange.status = 304;
      exchange.responseHeaders = notModifiedFields(head);
      exchange.responseByteLength = stored.bodyBytes;
      sendBody(exchange, sinkOf(exchange, context), NO_BODY);
      return;
    }
    if (range !== '' && exchange.method === 'GET' && allowsRange(stored, wanted.ifRange)) {
      const ranges = parseByteRanges(range, stored.bodyBytes);
      if (ranges !== null) {
        answerParts(exchange, variant, ranges, context);
        return;
      }
    }
  }
  // Encodings are made of what is in memory.
  if (variant.file === null) exchange.cached = variant;
  exchange.responseByteLength = stored.bodyBytes;
  const sink = sinkOf(exchange, context);
  if (exchange.method === 'HEAD') sendBody(exchange, sink, NO_BODY);
  else if (variant.file === null) sendBody(exchange, sink, variant.body);
  else sendParts(exchange, sink, variant, [{ first: 0, last: stored.bodyBytes - 1 }]);
}

function answerParts(
  exchange: Exchange,
  variant: CachedVariant,
  ranges: readonly ByteRange[],
  context: AnswerContext,
): void {
  const { response } = variant;
  const fields = exchange.responseHeaders.slice();
  exchange.responseHeaders = fields;
  let parts: readonly BodyPart[] = ranges;
  if (ranges.length === 0) {
    exchange.status = 416;
    exchange.responseHeaders = notModifiedFields(fields);
    exchange.responseHeaders.push('content-range', `bytes */${response.bodyBytes}`);
    exchange.responseByteLength = 0;
  } else if (ranges.length === 1) {
    const { first, last } = ranges[0]!;
    exchange.status = 206;
    fields.push('content-range', `bytes ${first}-${last}/${response.bodyBytes}`);
    exchange.responseByteLength = last - first + 1;
  } else {
    exchange.status = 206;
    const contentType = headerValue(fields, 'content-type') ?? '';
    const boundary = randomBytes(16).toString('hex');
    const multipart = multipartOf(ranges, response.bodyBytes, { boundary, contentType });
    parts = multipart.parts;
    exchange.responseByteLength = multipart.byteLength;
    setField(fields, 'content-type', `multipart/byteranges; boundary=${boundary}`);
  }
  sendParts(exchange, sinkOf(exchange, context), variant, parts);
}

function sinkOf(exchange: Exchange, { stages }: AnswerContext): Sink {
  return stages === null ? exchange.client : stages(exchange);
}

/** The head of a hit, the same for a second. */
function hitHead(variant: CachedVariant, context: AnswerContext, nowMs: number): RawHeaders {
  const second = Math.floor(nowMs / 1000);
  if (variant.head !== null && variant.headSecond === second) return variant.head;
  const head = headOf(variant, nowMs);
  if (context.statusName !== null) {
    addStatus(head, hitStatus(context.statusName, variant.response, nowMs));
  }
  variant.head = head;
  variant.headSecond = second;
  return head;
}

/** The stored fields and the age (RFC 9111 section 5.1). */
function headOf({ response }: CachedVariant, nowMs: number): RawHeaders {
  const head = response.headers.slice();
  const ageS = Math.max(0, Math.floor((nowMs - response.bornMs) / 1000));
  head.push('age', String(ageS));
  return head;
}

function setField(fields: RawHeaders, name: string, value: string): void {
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== name) continue;
    fields[at + 1] = value;
    return;
  }
  fields.push(name, value);
}
