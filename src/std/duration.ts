// Durations as people write them: '250ms', '30s', '1m30s', '1h'. Inside the program a duration is a
// number of milliseconds.

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const unitsDown = ['d', 'h', 'm', 's', 'ms'] as const;

/** Matches what `parseDuration` accepts, for JSON Schema; units come largest first, each at most once. */
export const durationPattern =
  /^(?=\d)(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m(?!s))?(?:\d+(?:\.\d+)?s)?(?:\d+ms)?$/;

/** Returns the whole milliseconds of '1m30s' and the like, or null when `text` is not a duration. */
export function parseDuration(text: string): number | null {
  if (text.length > 64 || !durationPattern.test(text)) return null;
  let totalMs = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)) {
    totalMs += Number(part[1]) * unitsMs[part[2] as keyof typeof unitsMs];
  }
  const roundedMs = Math.round(totalMs);
  return Number.isSafeInteger(roundedMs) ? roundedMs : null;
}

/** Writes whole milliseconds the way `parseDuration` reads them, shortest form first: 90000 → '1m30s'. */
export function formatDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = '';
  for (const unit of unitsDown) {
    const count = Math.floor(restMs / unitsMs[unit]);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitsMs[unit];
  }
  return text === '' ? '0s' : text;
}
