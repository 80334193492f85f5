// One access log line out of a finished exchange: ASCII only, one line whatever the client sent.
// Header values that carry credentials are never logged; query strings are part of the target and are.

import type { Exchange } from '../core/exchange.ts';
import type { LineBuffer } from './line-buffer.ts';
import { KnownNumbers, KnownTexts, prepared, SecondClock } from './line-pieces.ts';

/** Appends the line, newline included; values from the client are cut after `valueCharsMax` characters. */
export type LineWriter = (
  out: LineBuffer,
  exchange: Exchange,
  moment: Moment,
  valueCharsMax: number,
) => void;

/** When an exchange ended, and after how long. */
export interface Moment {
  durationMs: number;
  wallMs: number;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const POINT = 0x2e;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** What stands before the values of a JSON line; texts get their first quote here. */
const ID = prepared('Z","id":"');
const CLIENT = prepared(',"client":"');
const HOST = prepared(',"host":"');
const TARGET = prepared(',"target":"');
const BYTES_RECEIVED = prepared(',"bytesReceived":');
const ENCODING = prepared(',"encoding":"');
const PLAIN_BYTES = prepared(',"plainBytes":');
const DURATION = prepared(',"durationMs":');
const HEAD = prepared(',"headMs":');
const CACHE = prepared(',"cache":"');
const FAILURE = prepared(',"failure":"');
const DETAIL = prepared(',"detail":"');
const USER = prepared(',"user":"');
const USER_AGENT = prepared(',"userAgent":"');
const REFERER = prepared(',"referer":"');
const JSON_END = prepared('}\n');

/** The same for `combined`. */
const USER_WORD = prepared(' - ');
const VERSION = prepared(' HTTP/1.1" ');
const BEFORE_REFERER = prepared(' "');
const BEFORE_AGENT = prepared('" "');
const COMBINED_END = prepared('"\n');

/** Creates a writer of JSON lines. Bytes that are not printable ASCII are written as `\u00XX`. */
export function createJsonLine(): LineWriter {
  const clock = new SecondClock((date) => `{"time":"${date.toISOString().slice(0, 19)}.`);
  const listener = new KnownTexts(',"listener":"', '","method":"');
  const status = new KnownNumbers(',"status":', ',"bytesSent":');
  const route = new KnownTexts(',"route":"', '"');
  const attempted = new KnownTexts(',"peer":"', '","attempts":');
  return (out, exchange, { durationMs, wallMs }, charsMax) => {
    const { peer, plan, failure } = exchange;
    const { agent, referer } = loggedFields(exchange);
    out.bytes(clock.at(wallMs));
    out.thousandths(wallMs - clock.secondMs);
    jsonText(out, ID, exchange.requestId, charsMax);
    jsonText(out, CLIENT, exchange.clientAddress, charsMax);
    listener.append(out, exchange.entry.listener, charsMax);
    out.json(exchange.method, charsMax);
    out.octet(QUOTE);
    jsonText(out, HOST, exchange.host, charsMax);
    jsonText(out, TARGET, exchange.receivedTarget, charsMax);
    status.append(out, exchange.status);
    out.integer(exchange.bytesSent);
    jsonNumber(out, BYTES_RECEIVED, exchange.bytesReceived);
    if (exchange.encoding !== '') {
      jsonText(out, ENCODING, exchange.encoding, charsMax);
      jsonNumber(out, PLAIN_BYTES, exchange.plainBytes);
    }
    out.bytes(DURATION);
    milliseconds(out, durationMs);
    if (exchange.headAtMs > 0) {
      out.bytes(HEAD);
      milliseconds(out, exchange.headAtMs - exchange.startedAtMs);
    }
    if (plan !== null) route.append(out, plan.route, charsMax);
    if (peer !== null) {
      attempted.append(out, peer.id, charsMax);
      out.integer(exchange.attempts);
    }
    if (exchange.cacheStatus !== null) jsonText(out, CACHE, exchange.cacheStatus, charsMax);
    if (failure !== null) {
      jsonText(out, FAILURE, failure.code, charsMax);
      if (failure.detail !== '') jsonText(out, DETAIL, failure.detail, charsMax);
    }
    if (exchange.user !== '') jsonText(out, USER, exchange.user, charsMax);
    if (agent !== undefined) jsonText(out, USER_AGENT, agent, charsMax);
    if (referer !== undefined) jsonText(out, REFERER, referer, charsMax);
    out.bytes(JSON_END);
  };
}

/**
 * Creates a writer of lines in the `combined` format of nginx and Apache, in UTC. `"`, `\` and bytes
 * that are not printable ASCII are written as `\xXX`.
 */
export function createCombinedLine(): LineWriter {
  const clock = new SecondClock((date) => {
    const [day, time] = date.toISOString().split('T') as [string, string];
    const [year, month, dayOfMonth] = day.split('-');
    return ` [${dayOfMonth}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000] "`;
  });
  return (out, exchange, { wallMs }, charsMax) => {
    const { agent, referer } = loggedFields(exchange);
    // The client's address and the user have no quotes around them: a name from a trusted proxy must not
    // be able to look like two fields.
    out.escapedWord(exchange.clientAddress || '-', charsMax);
    out.bytes(USER_WORD);
    out.escapedWord(exchange.user || '-', charsMax);
    out.bytes(clock.at(wallMs));
    out.escaped(exchange.method, charsMax);
    out.octet(SPACE);
    out.escaped(exchange.receivedTarget, charsMax);
    out.bytes(VERSION);
    out.integer(exchange.status);
    out.octet(SPACE);
    out.integer(exchange.bytesSent);
    out.bytes(BEFORE_REFERER);
    out.escaped(referer ?? '-', charsMax);
    out.bytes(BEFORE_AGENT);
    out.escaped(agent ?? '-', charsMax);
    out.bytes(COMBINED_END);
  };
}

function jsonText(out: LineBuffer, before: Uint8Array, value: string, charsMax: number): void {
  out.bytes(before);
  out.json(value, charsMax);
  out.octet(QUOTE);
}

function jsonNumber(out: LineBuffer, before: Uint8Array, value: number): void {
  out.bytes(before);
  out.integer(value);
}

interface LoggedFields {
  readonly agent: string | undefined;
  readonly referer: string | undefined;
}

/** Of several fields of one name the first counts. */
function loggedFields({ requestHeaders }: Exchange): LoggedFields {
  let agent: string | undefined;
  let referer: string | undefined;
  for (let at = 0; at < requestHeaders.length; at += 2) {
    const name = requestHeaders[at]!;
    if (name === 'user-agent') agent ??= requestHeaders[at + 1];
    else if (name === 'referer') referer ??= requestHeaders[at + 1];
  }
  return { agent, referer };
}

/** Appends a duration with three decimals. */
function milliseconds(out: LineBuffer, durationMs: number): void {
  const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
  const ms = Math.floor(us / 1000);
  out.integer(ms);
  out.octet(POINT);
  out.thousandths(us - ms * 1000);
}
