// Reads single numbers out of a Prometheus page.

/** Adds up the samples of `name` whose labels include all of `labels`; 0 when there are none. */
export function metricSum(
  page: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  let sum = 0;
  for (const line of page.split('\n')) {
    const match = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== name) continue;
    const found = new Map(
      Array.from((match[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g), (pair) => [
        pair[1] ?? '',
        pair[2] ?? '',
      ]),
    );
    if (Object.entries(labels).every(([label, value]) => found.get(label) === value)) {
      sum += Number(match[3]);
    }
  }
  return sum;
}
