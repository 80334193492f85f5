// Sizes as people write them: '512', '64KiB', '10MB'. Inside the program a size is a number of bytes.
// KiB, MiB… are powers of 1024; kB, MB… are powers of 1000.

const unitsBytes = {
  B: 1,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const;

/** Matches what `parseSize` accepts, for JSON Schema. */
export const sizePattern = /^\d+(?:\.\d+)?(?:B|[kKMGT]B|[KMGT]iB)?$/;

/** Returns the whole bytes of '64KiB' and the like, or null when `text` is not a size. */
export function parseSize(text: string): number | null {
  if (text.length > 64 || !sizePattern.test(text)) return null;
  const number = Number.parseFloat(text);
  const unit = text.replace(/^[\d.]+/, '') as keyof typeof unitsBytes | '';
  const bytes = Math.round(number * (unit === '' ? 1 : unitsBytes[unit]));
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Writes whole bytes the way `parseSize` reads them, in the largest unit that fits exactly. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes === 0) return '0';
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB', 'TB', 'GB', 'MB', 'kB'] as const) {
    if (sizeBytes % unitsBytes[unit] === 0) return `${sizeBytes / unitsBytes[unit]}${unit}`;
  }
  return `${sizeBytes}`;
}
