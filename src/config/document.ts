// A configuration file that has been read: its plain data, and where in the file each value stands.

import { readFile } from 'node:fs/promises';
import { extname, relative, resolve } from 'node:path';
import { evaluateModule } from './evaluate.ts';
import type { Path } from './path.ts';
import { ConfigError, type Place, type Problem } from './problem.ts';
import { parseText } from './read-text.ts';

/** Largest configuration file, in bytes. */
const fileBytesMax = 64 * 1024 * 1024;

/** The endings that are read, in the order in which a file is looked for. */
export const moduleEndings = ['.ts', '.mts', '.js', '.mjs'] as const;
export const textEndings = ['.yaml', '.yml', '.json'] as const;

/** What was read from a file, before anything is checked. */
export interface ConfigDocument {
  /** Absolute path. */
  readonly file: string;
  readonly value: unknown;
  /** Every file whose change changes the value: the file itself and what it imports. */
  readonly files: readonly string[];
  /** Returns where `path` (or what encloses it) stands; `at` says whether the key or the value. */
  place(path: Path, at: 'key' | 'value'): Place;
}

/** Reads a configuration file by its ending. Throws ConfigError when it cannot be read or understood. */
export async function readDocument(file: string, cwd: string): Promise<ConfigDocument> {
  const path = resolve(cwd, file);
  const shown = shownName(path, cwd);
  const ending = extname(path).toLowerCase();
  if ((moduleEndings as readonly string[]).includes(ending)) {
    await readBytes(path, shown);
    const { value, files } = await evaluateModule(path, shown);
    return { file: path, value, files, place: () => filePlace(shown) };
  }
  if (!(textEndings as readonly string[]).includes(ending)) {
    const known = [...moduleEndings, ...textEndings].join(' ');
    throw failure(shown, `expected a file that ends in one of ${known}, got '${ending}'`);
  }
  const source = await readBytes(path, shown);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(source);
  } catch {
    throw failure(shown, 'expected text in UTF-8, got bytes that are not');
  }
  const { value, place } = parseText(text, shown, ending === '.json' ? 'json' : 'yaml');
  return { file: path, value, files: [path], place };
}

/** Returns what stands for "no file": an empty map without places. */
export function emptyDocument(cwd: string): ConfigDocument {
  return { file: resolve(cwd, '-'), value: {}, files: [], place: () => ({ kind: 'default' }) };
}

async function readBytes(path: string, shown: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw failure(shown, `cannot be read: ${explainCode(error)}`);
  }
  if (bytes.length > fileBytesMax) throw failure(shown, 'expected at most 64 MiB, got more');
  return bytes;
}

function explainCode(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return code;
}

function failure(shown: string, message: string): ConfigError {
  const problem: Problem = { place: filePlace(shown), path: '', message };
  return new ConfigError([problem]);
}

function filePlace(file: string): Place {
  return { kind: 'file', file, line: null };
}

/** Relative to `cwd` where that is shorter to read, else absolute. */
function shownName(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
