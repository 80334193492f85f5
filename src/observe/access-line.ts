// One access log line out of a finished exchange: pure, ASCII only, one line whatever the client sent.
// Header values that carry credentials are never logged; query strings are part of the target and are.

import type { Exchange } from '../core/exchange.ts';

/** Builds the line, newline included; values from the client are cut after `valueCharsMax` characters. */
export type LineBuilder = (
  exchange: Exchange,
  durationMs: number,
  wallMs: number,
  valueCharsMax: number,
) => string;

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

// 000…999, for milliseconds of the clock and decimals of durations: no number formatting per line.
const THREE_DIGITS = Array.from({ length: 1000 }, (_, at) => String(at).padStart(3, '0'));

const NOT_PLAIN_JSON = /[^ !#-[\]-~]/;
const EACH_NOT_PLAIN_JSON = /[^ !#-[\]-~]/g;
const NOT_PLAIN = /[^ !#-[\]-~]/;
const EACH_NOT_PLAIN = /[^ !#-[\]-~]/g;

/** Creates a builder of JSON lines. Bytes that are not printable ASCII are written as `\u00XX`. */
export function createJsonLine(): LineBuilder {
  const clock = createSecondClock((date) => date.toISOString().slice(0, 19));
  return (exchange, durationMs, wallMs, valueCharsMax) => {
    const { peer, plan, failure } = exchange;
    const agent = loggedHeader(exchange, 'user-agent');
    const referer = loggedHeader(exchange, 'referer');
    let line = `{"time":"${clock(wallMs)}.${THREE_DIGITS[wallMs % 1000]}Z","id":${quote(exchange.requestId, valueCharsMax)}`;
    line += `,"client":${quote(exchange.clientAddress, valueCharsMax)},"listener":${quote(exchange.entry.listener, valueCharsMax)}`;
    line += `,"method":${quote(exchange.method, valueCharsMax)},"host":${quote(exchange.host, valueCharsMax)}`;
    line += `,"target":${quote(exchange.receivedTarget, valueCharsMax)},"status":${exchange.status}`;
    line += `,"bytesSent":${exchange.bytesSent},"bytesReceived":${exchange.bytesReceived}`;
    if (exchange.encoding !== '') {
      line += `,"encoding":"${exchange.encoding}","plainBytes":${exchange.plainBytes}`;
    }
    line += `,"durationMs":${milliseconds(durationMs)}`;
    if (exchange.headAtMs > 0) {
      line += `,"headMs":${milliseconds(exchange.headAtMs - exchange.startedAtMs)}`;
    }
    if (plan !== null) line += `,"route":${quote(plan.route, valueCharsMax)}`;
    if (peer !== null) {
      line += `,"peer":${quote(peer.id, valueCharsMax)},"attempts":${exchange.attempts}`;
    }
    if (exchange.cacheStatus !== null) line += `,"cache":"${exchange.cacheStatus}"`;
    if (failure !== null) {
      line += `,"failure":"${failure.code}"`;
      if (failure.detail !== '') line += `,"detail":${quote(failure.detail, valueCharsMax)}`;
    }
    if (exchange.user !== '') line += `,"user":${quote(exchange.user, valueCharsMax)}`;
    if (agent !== undefined) line += `,"userAgent":${quote(agent, valueCharsMax)}`;
    if (referer !== undefined) line += `,"referer":${quote(referer, valueCharsMax)}`;
    return `${line}}\n`;
  };
}

/**
 * Creates a builder of lines in the `combined` format of nginx and Apache, in UTC. `"`, `\` and bytes
 * that are not printable ASCII are written as `\xXX`.
 */
export function createCombinedLine(): LineBuilder {
  const clock = createSecondClock((date) => {
    const [day, time] = date.toISOString().split('T') as [string, string];
    const [year, month, dayOfMonth] = day.split('-');
    return `${dayOfMonth}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
  });
  return (exchange, _durationMs, wallMs, valueCharsMax) => {
    const client = unspaced(escaped(exchange.clientAddress, valueCharsMax));
    const request = `${escaped(exchange.method, valueCharsMax)} ${escaped(exchange.receivedTarget, valueCharsMax)} HTTP/1.1`;
    const user = unspaced(escaped(exchange.user || '-', valueCharsMax));
    const referer = escaped(loggedHeader(exchange, 'referer') ?? '-', valueCharsMax);
    const agent = escaped(loggedHeader(exchange, 'user-agent') ?? '-', valueCharsMax);
    return (
      `${client} - ${user} [${clock(wallMs)}] "${request}" ` +
      `${exchange.status} ${exchange.bytesSent} "${referer}" "${agent}"\n`
    );
  };
}

/** Quotes a byte string as a JSON string that holds printable ASCII only. */
export function quote(text: string, charsMax: number): string {
  const value = text.length > charsMax ? `${text.slice(0, charsMax)}...` : text;
  return NOT_PLAIN_JSON.test(value)
    ? `"${value.replace(EACH_NOT_PLAIN_JSON, jsonEscape)}"`
    : `"${value}"`;
}

/** Escapes a byte string the way nginx does in its access log. */
export function escaped(text: string, charsMax: number): string {
  const value = text.length > charsMax ? `${text.slice(0, charsMax)}...` : text;
  return NOT_PLAIN.test(value) ? value.replace(EACH_NOT_PLAIN, hexEscape) : value;
}

// The client address is the first field and the only one without quotes around it: a name from a trusted
// proxy must not be able to look like two fields.
function unspaced(value: string): string {
  return value === '' ? '-' : value.replaceAll(' ', '\\x20');
}

function jsonEscape(char: string): string {
  if (char === '"') return '\\"';
  if (char === '\\') return '\\\\';
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function hexEscape(char: string): string {
  const code = char.charCodeAt(0);
  // Byte strings hold nothing above 255; whatever else came in stays recognisable and harmless.
  return code > 255 ? '?' : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

function loggedHeader(exchange: Exchange, name: string): string | undefined {
  const headers = exchange.requestHeaders;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name) return headers[at + 1];
  }
  return undefined;
}

/** Formats a duration with three decimals: three times as fast as toFixed. */
function milliseconds(durationMs: number): string {
  const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
  return `${Math.floor(us / 1000)}.${THREE_DIGITS[us % 1000]}`;
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
