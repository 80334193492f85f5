// Says what a module of the operator threw, and where in its files.

import { pathToFileURL } from 'node:url';
import { describeLoose } from './plain-data.ts';

export interface Thrown {
  readonly message: string;
  /** One of the files, or null when the stack names none. */
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
}

/** Explains `error`; `files` are absolute paths. */
export function explainThrown(error: unknown, files: readonly string[]): Thrown {
  if (!(error instanceof Error)) {
    const message = `threw ${describeLoose(error)}`;
    return { message, file: null, line: null, column: null };
  }
  const place = placeIn(error.stack ?? '', files);
  const code = (error as NodeJS.ErrnoException).code;
  const message = error.message.split('\n')[0]!.trim();
  const name = code === 'ERR_INVALID_TYPESCRIPT_SYNTAX' ? 'SyntaxError' : error.name;
  return { message: explainCode(code, files) ?? `${name}: ${message}`, ...place };
}

/** Finds the first place in a stack that is in one of the files. */
function placeIn(stack: string, files: readonly string[]): Omit<Thrown, 'message'> {
  const names = new Map(
    files.flatMap((file) => [
      [file, file],
      [pathToFileURL(file).href, file],
    ]),
  );
  const pattern = [...names.keys()].map(quote).sort((a, b) => b.length - a.length);
  const found = new RegExp(`(${pattern.join('|')}):(\\d+)(?::(\\d+))?`).exec(stack);
  return {
    file: found === null ? null : names.get(found[1]!)!,
    line: found === null ? null : Number(found[2]),
    column: found?.[3] === undefined ? null : Number(found[3]),
  };
}

function explainCode(code: string | undefined, files: readonly string[]): string | null {
  const isInstalled = files.some((file) => file.includes('/node_modules/'));
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING' && isInstalled) {
    return 'TypeScript under node_modules is not run; move the configuration out of it or use .js';
  }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'only TypeScript that vanishes is run: no enum, no namespace, no parameter properties';
  }
  return null;
}

function quote(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
}
