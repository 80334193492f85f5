// Which script answers a target: the one place where a path of the network becomes a path of files. As
// nginx and Caddy split it; nothing with `..` or NUL in it ever gets through.

import type { ScriptOptions } from './options.ts';

export interface Script {
  /** Decoded path of the script below the root, e.g. `/blog/index.php`; byte string. */
  readonly name: string;
  /** Decoded rest of the path, or ''. */
  readonly pathInfo: string;
  /** As received, without the question mark. */
  readonly query: string;
}

/** Returns the script for a target (byte string); null when none answers, 'invalid' when it can't be one. */
export function scriptOf(target: string, options: ScriptOptions): Script | null | 'invalid' {
  const mark = target.indexOf('?');
  const query = mark < 0 ? '' : target.slice(mark + 1);
  const path = decodePath(mark < 0 ? target : target.slice(0, mark));
  if (path === null) return 'invalid';
  const end = endOfScript(path, options.endings);
  if (end > 0) return { name: path.slice(0, end), pathInfo: path.slice(end), query };
  if (path.endsWith('/')) {
    const isRoot = path === '/' || options.frontController === null;
    if (isRoot) return { name: path + options.index, pathInfo: '', query };
  }
  const { frontController } = options;
  return frontController === null ? null : { name: frontController, pathInfo: '', query };
}

/** Offset after the first ending that a slash or the end of the path follows, or -1. */
function endOfScript(path: string, endings: readonly string[]): number {
  const folded = path.toLowerCase();
  let first = -1;
  for (const ending of endings) {
    for (let at = folded.indexOf(ending); at >= 0; at = folded.indexOf(ending, at + 1)) {
      const end = at + ending.length;
      if (end < path.length && path[end] !== '/') continue;
      if (first < 0 || end < first) first = end;
      break;
    }
  }
  return first;
}

/** Returns the path with its percent signs decoded, or null when it is not fit to be one of files. */
function decodePath(path: string): string | null {
  if (!path.startsWith('/')) return null;
  if (/%(?![0-9a-f]{2})/i.test(path)) return null;
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (/[\0\\]/.test(decoded)) return null;
  return decoded.split('/').includes('..') ? null : decoded;
}
