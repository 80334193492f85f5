// One access log line out of a finished exchange: ASCII only, one line whatever the client sent.
// Header values that carry credentials are never logged; query strings are part of the target and are.

import type { Exchange } from '../core/exchange.ts';
import type { LineBuffer } from './line-buffer.ts';

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

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** Creates a writer of JSON lines. Bytes that are not printable ASCII are written as `\u00XX`. */
export function createJsonLine(): LineWriter {
  const clock = createSecondClock((date) => date.toISOString().slice(0, 19));
  return (out, exchange, { durationMs, wallMs }, charsMax) => {
    const { peer, plan, failure } = exchange;
    const agent = loggedHeader(exchange, 'user-agent');
    const referer = loggedHeader(exchange, 'referer');
    out.plain('{"time":"');
    out.plain(clock(wallMs));
    out.plain('.');
    out.thousandths(wallMs % 1000);
    out.plain('Z","id":');
    out.json(exchange.requestId, charsMax);
    jsonText(out, ',"client":', exchange.clientAddress, charsMax);
    jsonText(out, ',"listener":', exchange.entry.listener, charsMax);
    jsonText(out, ',"method":', exchange.method, charsMax);
    jsonText(out, ',"host":', exchange.host, charsMax);
    jsonText(out, ',"target":', exchange.receivedTarget, charsMax);
    jsonNumber(out, ',"status":', exchange.status);
    jsonNumber(out, ',"bytesSent":', exchange.bytesSent);
    jsonNumber(out, ',"bytesReceived":', exchange.bytesReceived);
    if (exchange.encoding !== '') {
      jsonText(out, ',"encoding":', exchange.encoding, charsMax);
      jsonNumber(out, ',"plainBytes":', exchange.plainBytes);
    }
    out.plain(',"durationMs":');
    milliseconds(out, durationMs);
    if (exchange.headAtMs > 0) {
      out.plain(',"headMs":');
      milliseconds(out, exchange.headAtMs - exchange.startedAtMs);
    }
    if (plan !== null) jsonText(out, ',"route":', plan.route, charsMax);
    if (peer !== null) {
      jsonText(out, ',"peer":', peer.id, charsMax);
      jsonNumber(out, ',"attempts":', exchange.attempts);
    }
    if (exchange.cacheStatus !== null) jsonText(out, ',"cache":', exchange.cacheStatus, charsMax);
    if (failure !== null) {
      jsonText(out, ',"failure":', failure.code, charsMax);
      if (failure.detail !== '') jsonText(out, ',"detail":', failure.detail, charsMax);
    }
    if (exchange.user !== '') jsonText(out, ',"user":', exchange.user, charsMax);
    if (agent !== undefined) jsonText(out, ',"userAgent":', agent, charsMax);
    if (referer !== undefined) jsonText(out, ',"referer":', referer, charsMax);
    out.plain('}\n');
  };
}

/**
 * Creates a writer of lines in the `combined` format of nginx and Apache, in UTC. `"`, `\` and bytes
 * that are not printable ASCII are written as `\xXX`.
 */
export function createCombinedLine(): LineWriter {
  const clock = createSecondClock((date) => {
    const [day, time] = date.toISOString().split('T') as [string, string];
    const [year, month, dayOfMonth] = day.split('-');
    return `${dayOfMonth}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
  });
  return (out, exchange, { wallMs }, charsMax) => {
    // The client's address and the user have no quotes around them: a name from a trusted proxy must not
    // be able to look like two fields.
    out.escapedWord(exchange.clientAddress || '-', charsMax);
    out.plain(' - ');
    out.escapedWord(exchange.user || '-', charsMax);
    out.plain(' [');
    out.plain(clock(wallMs));
    out.plain('] "');
    out.escaped(exchange.method, charsMax);
    out.plain(' ');
    out.escaped(exchange.receivedTarget, charsMax);
    out.plain(' HTTP/1.1" ');
    out.integer(exchange.status);
    out.plain(' ');
    out.integer(exchange.bytesSent);
    out.plain(' "');
    out.escaped(loggedHeader(exchange, 'referer') ?? '-', charsMax);
    out.plain('" "');
    out.escaped(loggedHeader(exchange, 'user-agent') ?? '-', charsMax);
    out.plain('"\n');
  };
}

function jsonText(out: LineBuffer, name: string, value: string, charsMax: number): void {
  out.plain(name);
  out.json(value, charsMax);
}

function jsonNumber(out: LineBuffer, name: string, value: number): void {
  out.plain(name);
  out.integer(value);
}

function loggedHeader(exchange: Exchange, name: string): string | undefined {
  const headers = exchange.requestHeaders;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name) return headers[at + 1];
  }
  return undefined;
}

/** Appends a duration with three decimals. */
function milliseconds(out: LineBuffer, durationMs: number): void {
  const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
  out.integer(Math.floor(us / 1000));
  out.plain('.');
  out.thousandths(us % 1000);
}

/** Formats the second that `wallMs` lies in, once per second. */
function createSecondClock(format: (date: Date) => string): (wallMs: number) => string {
  let second = -1;
  let text = '';
  return (wallMs) => {
    const now = Math.floor(wallMs / 1000);
    if (now !== second) {
      second = now;
      text = format(new Date(now * 1000));
    }
    return text;
  };
}
