// Guesses how a value that was refused is written properly: '4 sec' → '4s', '127.0.0.1:9001' →
// 'http://127.0.0.1:9001'. A guess is only ever shown, never used.

import { parseDuration } from '../std/duration.ts';
import { parseSize } from '../std/size.ts';
import { readHostPattern, readPathPattern, readPeerUrl } from './addresses.ts';
import type { Path } from './path.ts';

/** Returns the proper writing of `value` at `path`, or null when there is no good guess. */
export function repair(path: Path, value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 200) return null;
  const key = String(path.findLast((step) => typeof step === 'string') ?? '');
  const written = value.trim();
  if (/Ms$/.test(key)) return repairDuration(written);
  if (/Bytes(?:Max)?$/.test(key)) return repairSize(written);
  if (key === 'url') return repairPeerUrl(written);
  if (key === 'host' && path[0] === 'routes') return repairHost(written);
  if (key === 'path') return repairPath(written);
  if (key === 'method') return /^[A-Za-z]+$/.test(written) ? written.toUpperCase() : null;
  if (key === 'trustedProxies') return widen(written);
  return null;
}

function repairDuration(text: string): string | null {
  const guess = text
    .toLowerCase()
    .replace(/[\s_]+/g, '')
    .replace(/(?:milliseconds?|msecs?|millis)/g, 'ms')
    .replace(/(?:seconds?|secs?)/g, 's')
    .replace(/(?:minutes?|mins?)/g, 'm')
    .replace(/(?:hours?|hrs?)/g, 'h')
    .replace(/days?/g, 'd')
    .replace(/^(\d+)$/, '$1ms');
  return guess !== text && parseDuration(guess) !== null ? guess : null;
}

function repairSize(text: string): string | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)[\s_]*(k|m|g|t|)(?:i?b|bytes?|)$/i.exec(text) ?? [];
  if (number === undefined || unit === undefined) return null;
  const guess = unit === '' ? number : `${number}${unit.toUpperCase()}iB`;
  return guess !== text && parseSize(guess) !== null ? guess : null;
}

function repairPeerUrl(text: string): string | null {
  const withScheme = /^[a-z][a-z+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const asHttp = withScheme.replace(/^ws(s?):/i, 'http$1:');
  try {
    const url = new URL(asHttp);
    const guess = readPeerUrl(`${url.protocol}//${url.host}`);
    return guess === text ? null : guess;
  } catch {
    return null;
  }
}

function repairHost(text: string): string | null {
  const bare = text
    .replace(/^[a-z][a-z+.-]*:\/\//i, '')
    .replace(/\/.*$/, '')
    .replace(/:\d+$/, '')
    .replace(/\.$/, '')
    .replace(/^\*?\.?(?=[^.]+\.)/, (start) => (/[*.]/.test(start) ? '*.' : ''));
  const guess = readHostPattern(bare.includes(':') ? `[${bare.replace(/[[\]]/g, '')}]` : bare);
  return guess === text ? null : guess;
}

function repairPath(text: string): string | null {
  const rooted = text.startsWith('/') ? text : `/${text}`;
  const guess = readPathPattern(rooted.replace(/[?#].*$/, '').replace(/\/?\*+$/, '/*'));
  return guess === text ? null : guess;
}

/** '10.0.0.1-10.0.0.9' and the like have no short answer; '10.*' and '10.0.0.*' do. */
function widen(text: string): string | null {
  const parts = text.replace(/(?:\.\*)+$/, '').split('.');
  if (!text.endsWith('.*') || parts.length > 3 || parts.some((part) => !/^\d{1,3}$/.test(part))) {
    return null;
  }
  return `${[...parts, '0', '0', '0'].slice(0, 4).join('.')}/${parts.length * 8}`;
}
