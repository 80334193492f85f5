// The house rules that a machine can keep, one short function each. What they are for is in STYLE.md and
// ARCHITECTURE.md; the exceptions are listed in tidy.test.ts.

import { posix } from 'node:path';
import { layerViolations, packageViolations } from './layers.ts';
import type { SourceFile } from './source-file.ts';
import type { Rule, Violation } from './violation.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const PARAMETERS_MAX = 4;
const COLUMNS_MAX = 100;
// The formatter keeps code in its columns; prose in comments may hang over a little.
const COMMENT_COLUMNS_MAX = 110;
const HEADER_LINES_MAX = 4;

const VAGUE_NAMES = /(?:^|-)(?:utils?|helpers?|common|types|misc|shared|lib)$/;
const HOT_PATHS = [
  'src/worker/listener/',
  'src/worker/balance/',
  'src/worker/upstream/http1/',
  'src/worker/serve.ts',
  'src/worker/forward.ts',
];

const inSource = (path: string) => path.startsWith('src/');
const inHotPath = (path: string) => HOT_PATHS.some((hot) => path.startsWith(hot));
const inTests = (path: string) => path.startsWith('test/');
const anywhere = () => true;

export const rules: readonly Rule[] = [
  { name: 'layers', isAbout: inSource, find: layerViolations },
  { name: 'package-homes', isAbout: inSource, find: packageViolations },
  { name: 'barrel', isAbout: anywhere, find: barrels },
  { name: 'default-export', isAbout: inSource, find: defaultExports },
  { name: 'import-ending', isAbout: anywhere, find: importEndings },
  { name: 'file-length', isAbout: anywhere, find: fileLength },
  { name: 'function-length', isAbout: inSource, find: functionLength },
  { name: 'parameters', isAbout: inSource, find: parameters },
  { name: 'line-length', isAbout: anywhere, find: lineLength },
  { name: 'header', isAbout: anywhere, find: header },
  { name: 'any', isAbout: anywhere, find: anyTypes },
  { name: 'suppression', isAbout: anywhere, find: suppressions },
  { name: 'file-name', isAbout: anywhere, find: fileName },
  { name: 'inheritance', isAbout: inSource, find: inheritance },
  { name: 'import-side-effect', isAbout: inSource, find: importSideEffects },
  { name: 'private-accessor', isAbout: inSource, find: privateAccessors },
  { name: 'hot-path-promise', isAbout: inHotPath, find: hotPromises },
  { name: 'hot-path-timer', isAbout: inHotPath, find: hotTimers },
  { name: 'leftover', isAbout: anywhere, find: leftovers },
  { name: 'inherited-stream', isAbout: inTests, find: inheritedStreams },
];

function words(file: SourceFile, forbidden: readonly string[]): Violation[] {
  return forbidden.flatMap((word) =>
    file.linesWith(word).map((line) => ({ line, message: `\`${word}\` is not used here` })),
  );
}

/** `any` where a type stands; a field or variable may have the name. */
function anyTypes(file: SourceFile): Violation[] {
  const beforeTypes = new Set([':', '<', '|', '&', '=>', 'as', 'is', 'extends', 'satisfies']);
  return file.tokens.flatMap(({ text, at }, index) => {
    const before = file.tokens[index - 1]?.text ?? '';
    const isList = file.tokens[index + 1]?.text === '[' && file.tokens[index + 2]?.text === ']';
    return text === 'any' && (beforeTypes.has(before) || isList)
      ? [{ line: file.lineOf(at), message: 'the type `any`' }]
      : [];
  });
}

function hotPromises(file: SourceFile): Violation[] {
  return words(file, ['async', 'await', 'Promise']);
}

function hotTimers(file: SourceFile): Violation[] {
  return words(file, ['setTimeout', 'setInterval']);
}

/** A private getter is a call into the engine each time (6 ns and more); a method is none. */
function privateAccessors(file: SourceFile): Violation[] {
  return file.lines.flatMap((text, index) =>
    /^\s*(?:static\s+)?(?:get|set)\s+#/.test(text)
      ? [{ line: index + 1, message: 'a private accessor: make it a method' }]
      : [],
  );
}

function barrels(file: SourceFile): Violation[] {
  const statements = file.masked.code.split(';').map((statement) => statement.trim());
  const isReExport = (statement: string) => /^export\b[^=(]*\bfrom\s*['"]/.test(statement);
  const code = statements.filter((one) => one !== '' && !/^import\b/.test(one));
  if (code.length === 0 || !code.every(isReExport)) return [];
  return [{ line: 1, message: 'a file that only re-exports' }];
}

function defaultExports(file: SourceFile): Violation[] {
  return file.tokens.flatMap(({ text, at }, index) =>
    text === 'export' && file.tokens[index + 1]?.text === 'default'
      ? [{ line: file.lineOf(at), message: 'a default export' }]
      : [],
  );
}

function importEndings(file: SourceFile): Violation[] {
  return file
    .imports()
    .filter(({ specifier }) => specifier.startsWith('.') && !/\.(?:ts|json|mjs)$/.test(specifier))
    .map(({ specifier, line }) => ({ line, message: `${specifier} does not end in .ts` }));
}

function fileLength(file: SourceFile): Violation[] {
  const count = file.lines.length;
  return count <= FILE_LINES_MAX ? [] : [{ line: count, message: `${count} lines` }];
}

function functionLength(file: SourceFile): Violation[] {
  return file
    .functions()
    .flatMap(({ line, lineCount }) =>
      lineCount !== null && lineCount > FUNCTION_LINES_MAX
        ? [{ line, message: `a function of ${lineCount} lines` }]
        : [],
    );
}

function parameters(file: SourceFile): Violation[] {
  return file
    .functions()
    .flatMap(({ line, parameterCount }) =>
      parameterCount > PARAMETERS_MAX ? [{ line, message: `${parameterCount} parameters` }] : [],
    );
}

function lineLength(file: SourceFile): Violation[] {
  return file.lines.flatMap((text, index) => {
    const isComment = /^\s*(?:\/\/|\/?\*)/.test(text);
    const columnsMax = isComment ? COMMENT_COLUMNS_MAX : COLUMNS_MAX;
    const tooLong = text.length > columnsMax && !isUnbreakable(text);
    return tooLong ? [{ line: index + 1, message: `${text.length} columns` }] : [];
  });
}

/** A line that is one long literal, regular expression or address can't be broken well. */
function isUnbreakable(text: string): boolean {
  return /^\s*(?:\/\/ .*)?\S{70,}$/.test(text) || /['"`/].{70,}['"`/]/.test(text);
}

function header(file: SourceFile): Violation[] {
  const lines = file.lines[0]?.startsWith('#!') ? file.lines.slice(1) : file.lines;
  const endsAt = lines.findIndex((line) => !line.startsWith('//'));
  const count = endsAt < 0 ? lines.length : endsAt;
  if (count === 0) return [{ line: 1, message: 'no header comment' }];
  // Prose first; a drawing may follow it.
  const prose = lines.slice(0, count).findIndex((line) => line === '//' || /^\/\/ {2}/.test(line));
  const proseCount = prose < 0 ? count : prose;
  if (proseCount > HEADER_LINES_MAX) {
    return [{ line: 1, message: `a header comment of ${proseCount} lines` }];
  }
  return [];
}

function suppressions(file: SourceFile): Violation[] {
  return commentLines(file, /@ts-(?:ignore|expect-error|nocheck)|biome-ignore|eslint-disable/);
}

function leftovers(file: SourceFile): Violation[] {
  return commentLines(file, /\b(?:TODO|FIXME|XXX|HACK)\b/);
}

/** What outlives a test with a stream of the runner in its hands keeps the runner from ever ending. */
function inheritedStreams(file: SourceFile): Violation[] {
  return file.lines.flatMap((text, index) =>
    /\bstdio\b.*'inherit'/.test(text)
      ? [{ line: index + 1, message: 'a child with a stream of the runner: take a pipe' }]
      : [],
  );
}

function commentLines(file: SourceFile, pattern: RegExp): Violation[] {
  return file.masked.comments.flatMap(({ start, end }) => {
    const found = pattern.exec(file.text.slice(start, end));
    return found === null
      ? []
      : [{ line: file.lineOf(start + found.index), message: `\`${found[0]}\` in a comment` }];
  });
}

function fileName(file: SourceFile): Violation[] {
  const base = posix
    .basename(file.path)
    .replace(/(?:\.test|\.contract|\.d|\.config|\.plugin)?\.m?ts$/, '');
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(base)) {
    return [{ line: 1, message: `${base} is not kebab-case` }];
  }
  return VAGUE_NAMES.test(base) ? [{ line: 1, message: `${base} says nothing` }] : [];
}

function inheritance(file: SourceFile): Violation[] {
  return Array.from(file.masked.code.matchAll(/\bclass\s+[\w$]+\s+extends\s+([\w$.]+)/g))
    .filter((match) => match[1] !== 'Error')
    .map((match) => ({ line: file.lineOf(match.index), message: `extends ${match[1]}` }));
}

/** Statements at the top level that do something when the file is loaded; src/main.ts may. */
function importSideEffects(file: SourceFile): Violation[] {
  if (file.path === 'src/main.ts') return [];
  const declared =
    /^(?:import|export|const|let|function|class|interface|type|declare|async function|abstract class)\b/;
  return file.masked.code.split('\n').flatMap((text, index) => {
    const begins = /^[^\s})\]`'"|&?:.>]/.test(text);
    return begins && !declared.test(text)
      ? [{ line: index + 1, message: `runs at import: ${text.slice(0, 40)}` }]
      : [];
  });
}
