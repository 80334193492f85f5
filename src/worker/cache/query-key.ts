// The query as a part of the key: bytes as they came, never decoded, so that no two spellings that an
// application might read differently share an answer. Parameters are divided by `&` alone: who also takes
// `;` for a divider (parameter cloaking) finds such a parameter in the key as a whole.

/** `names` may end in `*`. */
export interface QueryRule {
  readonly kind: 'exact' | 'sorted' | 'none' | 'only' | 'without';
  readonly names: readonly string[];
}

/** Returns path and query of `target` in the form that counts. */
export function normalQuery(target: string, { kind, names }: QueryRule): string {
  const mark = target.indexOf('?');
  if (mark === -1 || kind === 'exact') return target;
  const path = target.slice(0, mark);
  if (kind === 'none') return path;
  const parameters = target
    .slice(mark + 1)
    .split('&')
    .filter((parameter) => parameter !== '' && isKept(parameter, kind, names));
  // By name only and stable: the order of values of one name may mean something.
  parameters.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return parameters.length === 0 ? path : `${path}?${parameters.join('&')}`;
}

/** What no application takes for another name: without escapes, and what PHP makes underscores of. */
const PLAIN_NAME = /^[\w~-]*$/;

function isKept(parameter: string, kind: QueryRule['kind'], names: readonly string[]): boolean {
  if (kind === 'sorted') return true;
  const name = nameOf(parameter);
  // Some applications would see more parameters in it than we do: such a one is never left out.
  if (parameter.includes(';')) return true;
  if (kind === 'without') return !names.some((pattern) => fits(pattern, name));
  // It may be one of those that count to an application that decodes it, or doesn't mind its case.
  if (!PLAIN_NAME.test(name)) return true;
  const folded = name.toLowerCase();
  return names.some((pattern) => fits(pattern.toLowerCase(), folded));
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=');
  return equals === -1 ? parameter : parameter.slice(0, equals);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
