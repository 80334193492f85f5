// What is wrong with a configuration, and how it is told: every problem at once, each with its place,
// its path, what was expected and what was got.

/** Where a value was written. Line and column count from 1; null when only the file is known. */
export type Place =
  | { readonly kind: 'file'; readonly file: string; readonly line: number | null; column?: number }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'default' };

/** One thing that is wrong. */
export interface Problem {
  readonly place: Place | null;
  /** As `formatPath` writes it; '' for the configuration as a whole. */
  readonly path: string;
  /** One sentence without a full stop: "expected …, got …". */
  readonly message: string;
  /** What was probably meant, ready to be typed. */
  readonly suggestion?: string | null;
}

/** Says everything that is wrong with a configuration; `message` is the complete report. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(formatProblems(problems));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Writes problems for people: two lines each, the first one clickable in editors. */
export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return `the configuration is not valid: ${count}\n\n${problems.map(formatProblem).join('\n\n')}\n`;
}

/** Writes one problem, without a line break at its end. */
export function formatProblem(problem: Problem): string {
  const head = [problem.place === null ? '' : formatPlace(problem.place), problem.path];
  const hint = problem.suggestion ? `; did you mean ${quote(problem.suggestion)}?` : '';
  return `${head.filter((part) => part !== '').join('  ')}\n    ${problem.message}${hint}`;
}

/** Writes a place the way editors and terminals link it: 'app.yaml:7:15', 'SLUICE_CORES', '--cores'. */
export function formatPlace(place: Place): string {
  switch (place.kind) {
    case 'file':
      if (place.line === null) return place.file;
      return `${place.file}:${place.line}${place.column === undefined ? '' : `:${place.column}`}`;
    case 'env':
      return `environment variable ${place.name}`;
    case 'flag':
      return `flag ${place.name}`;
    case 'default':
      return 'default';
  }
}

/** Writes where a value came from, short: 'default', 'app.yaml:7', 'env SLUICE_CORES', '--cores'. */
export function formatOrigin(place: Place): string {
  if (place.kind === 'env') return `env ${place.name}`;
  if (place.kind === 'flag') return place.name;
  if (place.kind === 'default') return 'default';
  return place.line === null ? place.file : `${place.file}:${place.line}`;
}

/** Compares for sorting: command line and environment first, then in the order of the file. */
export function inOrder(one: Problem, other: Problem): number {
  return rank(one.place) - rank(other.place) || lineOf(one.place) - lineOf(other.place);
}

function rank(place: Place | null): number {
  return place === null ? 3 : place.kind === 'flag' ? 0 : place.kind === 'env' ? 1 : 2;
}

function lineOf(place: Place | null): number {
  return place?.kind === 'file' ? (place.line ?? 0) * 10_000 + (place.column ?? 0) : 0;
}

/** Writes a value as "got …" names it: short, quoted, on one line, control characters escaped. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value === '' ? "''" : quote(value);
  if (value === null || value === undefined) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? 'an empty map' : 'a map';
  }
  return String(value);
}

/** Puts a text in single quotes, at most 80 characters of it, control characters escaped. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 77)}…` : text;
  const escaped = JSON.stringify(short).slice(1, -1).replaceAll('\\"', '"');
  return `'${escaped.replace(/[\x7f-\x9f\u2028\u2029]/g, escapeCharacter)}'`;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
