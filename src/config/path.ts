// Where something stands in a configuration, and the three ways to write that: as an error names it
// ('upstreams.app.peers[1].weight'), as --set takes it (the same), as an environment variable.

/** Keys and list indices from the root down. */
export type Path = readonly (string | number)[];

/** Writes a path as errors and `check` show it. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[^.[\]\s"]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Reads what `formatPath` writes; 'listeners.0.port' does as well. Null when it is not a path. */
export function parsePath(text: string): Path | null {
  const path: (string | number)[] = [];
  const step = /(?:^|\.)([^.[\]\s"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  while (step.lastIndex < text.length) {
    const found = step.exec(text);
    if (found === null) return null;
    const [, word, index, quoted] = found;
    if (quoted !== undefined) path.push(readQuoted(quoted));
    else
      path.push(index !== undefined ? Number(index) : /^\d+$/.test(word!) ? Number(word) : word!);
  }
  return path.length === 0 ? null : path;
}

/** Writes one step as part of an environment variable: 'requestHeadBytes' → 'REQUEST_HEAD_BYTES'. */
export function formatEnvStep(step: string | number): string {
  return String(step)
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

/** Writes a path as the environment variable that sets it: SLUICE_LIMITS_REQUEST_HEAD_BYTES. */
export function formatEnvName(path: Path): string {
  return `SLUICE_${path.map(formatEnvStep).join('_')}`;
}

/** Returns what stands at `path` in plain data, or undefined. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function readQuoted(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}
