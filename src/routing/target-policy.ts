// The one place that decides how the path of a request is read: escapes, dot segments, slashes, backslashes,
// control bytes, parameters, bytes above 127. What comes out is what routing, filters, the cache and the
// peer see, all the same string, so that no two of them can take one request for different resources. The
// query is nobody's path and stays as it is.

import { ProxyError } from '../core/errors.ts';
import { PlainTexts } from '../std/plain-texts.ts';

export type Treatment = 'keep' | 'normalise' | 'refuse';

/** How each doubtful thing in a path is treated. */
export interface TargetPolicy {
  /** `.` and `..`, escaped or not; never above the root unless kept. */
  readonly dotSegments: Treatment;
  /** `//` becomes one. */
  readonly repeatedSlashes: Treatment;
  /** `%2F` becomes a slash. */
  readonly encodedSlashes: Treatment;
  /** `\` and `%5C` become slashes. */
  readonly backslashes: Treatment;
  /** `;name=value` behind a segment is taken away. */
  readonly parameters: Treatment;
  /** Bytes above 127 become escapes. */
  readonly nonAscii: Treatment;
  /** Needless escapes are decoded, others get capitals (RFC 3986 section 6.2.2). */
  readonly escapes: 'keep' | 'normalise';
  /** A percent sign without two hexadecimal digits becomes `%25`. */
  readonly malformedEscapes: 'normalise' | 'refuse';
  /** `%00` to `%1F` and `%7F`. */
  readonly controls: 'keep' | 'refuse';
  /** `%252e` and its like: escapes that hide a delimiter from who decodes once. */
  readonly doubleEscapes: 'keep' | 'refuse';
  /** `%c0%af` and its like: delimiters in a form of UTF-8 that must not be (RFC 3629 section 3). */
  readonly overlongEscapes: 'keep' | 'refuse';
}

/** What the configuration says when it says nothing. */
export const safeTargetPolicy: TargetPolicy = {
  dotSegments: 'normalise',
  repeatedSlashes: 'normalise',
  encodedSlashes: 'refuse',
  backslashes: 'refuse',
  parameters: 'keep',
  nonAscii: 'normalise',
  escapes: 'normalise',
  malformedEscapes: 'refuse',
  controls: 'refuse',
  doubleEscapes: 'refuse',
  overlongEscapes: 'refuse',
};

/** All that a policy could have something to say about. */
const DOUBTFUL = /[^!-$&-:<-[\]-~]|\/[/.]/;
const DOUBLE_ESCAPE = /%(?:25)+(?:2[ef]|5c|3b|[01][0-9a-f]|7f)/i;
const OVERLONG = /%c[01]%[89ab][0-9a-f]|%e0%[89][0-9a-f]|%f0%8[0-9a-f]/i;
const HIDDEN_SLASH = /%2f|%5c|\\/i;

/** Most of what is asked for is asked for again. */
const plainTargets = new PlainTexts((target) => !DOUBTFUL.test(target));

/** Returns the target as everybody shall see it, or `bad_target` with the reason. Never throws. */
export function settleTarget(target: string, policy: TargetPolicy): string | ProxyError {
  if (plainTargets.find(target) !== null) return target;
  const doubt = target.search(DOUBTFUL);
  const query = target.indexOf('?');
  if (query !== -1 && query < doubt) return target;
  const reading = new PathReading(policy);
  const path = reading.settle(query === -1 ? target : target.slice(0, query));
  if (reading.refusal !== null) return reading.refusal;
  return query === -1 ? path : path + target.slice(query);
}

/** One path on its way through a policy; the first reason to refuse it stands. */
class PathReading {
  refusal: ProxyError | null = null;
  readonly #policy: TargetPolicy;

  constructor(policy: TargetPolicy) {
    this.#policy = policy;
  }

  settle(path: string): string {
    if (!path.startsWith('/')) this.#refuse('no slash at its start');
    if (this.#policy.doubleEscapes === 'refuse' && DOUBLE_ESCAPE.test(path)) {
      this.#refuse('double escape');
    }
    const clean = this.#settleOctets(path);
    if (this.#policy.overlongEscapes === 'refuse' && OVERLONG.test(clean)) {
      this.#refuse('overlong escape');
    }
    return this.#settleSegments(clean);
  }

  /** Settles escapes and single octets; slashes may come of it, question marks never. */
  #settleOctets(path: string): string {
    const { malformedEscapes, backslashes, nonAscii } = this.#policy;
    let clean = '';
    for (let at = 0; at < path.length; at++) {
      const code = path.charCodeAt(at);
      if (code === 0x25) {
        const value = hexAt(path, at + 1);
        if (value === -1) {
          if (malformedEscapes === 'refuse') this.#refuse('malformed escape');
          clean += '%25';
        } else {
          clean += this.#settleEscape(value, path.slice(at, at + 3));
          at += 2;
        }
      } else if (code === 0x5c) {
        clean += this.#settleSlash('\\', backslashes, 'backslash');
      } else if (code > 0x7f) {
        if (nonAscii === 'refuse') this.#refuse('byte above 127');
        clean += nonAscii === 'keep' ? path[at] : escapeOf(code);
      } else {
        if (code < 0x21 || code === 0x7f) this.#refuse('control byte');
        clean += path[at];
      }
    }
    return clean;
  }

  #settleEscape(value: number, written: string): string {
    const { escapes, encodedSlashes, backslashes, controls } = this.#policy;
    const normal = escapes === 'normalise' ? written.toUpperCase() : written;
    if (value === 0x2f) return this.#settleSlash(normal, encodedSlashes, 'encoded slash');
    if (value === 0x5c) return this.#settleSlash(normal, backslashes, 'backslash');
    if (controls === 'refuse' && (value < 0x20 || value === 0x7f)) this.#refuse('control byte');
    return escapes === 'normalise' && isUnreserved(value) ? String.fromCharCode(value) : normal;
  }

  #settleSlash(kept: string, treatment: Treatment, what: string): string {
    if (treatment === 'refuse') this.#refuse(what);
    return treatment === 'keep' ? kept : '/';
  }

  /** Settles what a segment is, now that it is clear where each one ends. */
  #settleSegments(path: string): string {
    const { dotSegments, repeatedSlashes } = this.#policy;
    const received = path.slice(1).split('/');
    const segments: string[] = [];
    for (const [at, segment] of received.entries()) {
      const isLast = at === received.length - 1;
      const name = this.#settleParameters(segment);
      const dots = dotSegments === 'keep' ? 0 : dotsOf(name);
      if (dots > 0) {
        if (dotSegments === 'refuse') this.#refuse('dot segment');
        if (dots === 2 && segments.pop() === undefined) this.#refuse('dot segment above the root');
        if (isLast) segments.push('');
      } else if (name !== '' || isLast || repeatedSlashes === 'keep') {
        segments.push(name);
      } else if (repeatedSlashes === 'refuse') {
        this.#refuse('repeated slash');
      }
    }
    return `/${segments.join('/')}`;
  }

  #settleParameters(segment: string): string {
    const { parameters, dotSegments } = this.#policy;
    const semicolon = segment.indexOf(';');
    if (semicolon !== -1 && parameters === 'refuse') this.#refuse('path parameter');
    const bare = semicolon === -1 ? segment : segment.slice(0, semicolon);
    const name = parameters === 'normalise' ? bare : segment;
    if (dotSegments === 'keep') return name;
    // Nobody honest writes these; some peers take them for dot segments, others don't.
    if (name !== bare && dotsOf(bare) > 0) this.#refuse('dot segment with parameters');
    if (HIDDEN_SLASH.test(name)) {
      for (const part of name.split(HIDDEN_SLASH)) {
        if (dotsOf(part.split(';', 1)[0]!) > 0) this.#refuse('dot segment behind an encoded slash');
      }
    }
    return name;
  }

  #refuse(detail: string): void {
    this.refusal ??= new ProxyError('bad_target', detail);
  }
}

/** 1 for `.`, 2 for `..`, escaped or not; 0 for all else. */
function dotsOf(segment: string): 0 | 1 | 2 {
  if (segment === '.' || segment === '..') return segment.length as 1 | 2;
  if (segment.length > 6 || !segment.includes('%2')) return 0;
  const plain = segment.replaceAll(/%2e/gi, '.');
  return plain === '.' ? 1 : plain === '..' ? 2 : 0;
}

/** RFC 3986 section 2.3. */
function isUnreserved(code: number): boolean {
  const letter = code | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0x7e
  );
}

/** Returns the value of two hexadecimal digits, or -1. */
function hexAt(text: string, at: number): number {
  const high = digitAt(text, at);
  const low = digitAt(text, at + 1);
  return high === -1 || low === -1 ? -1 : high * 16 + low;
}

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function escapeOf(code: number): string {
  return `%${code.toString(16).toUpperCase()}`;
}
