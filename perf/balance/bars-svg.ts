// Draws p50 and p99 of several contestants as pairs of bars on a logarithmic scale. No dependencies.

import type { LatencyRow } from './scenario.ts';

const WIDTH = 860;
const BAR = 13;
const STEP = 44;
const MARGIN = { left: 210, right: 90, top: 74, bottom: 40 };
const INK = '#1f2933';
const FAINT = '#d9e0e6';
const COLOURS = { p50: '#9bd0d9', p99: '#0b7285' };

/** Returns a complete SVG document. */
export function barsSvg(title: string, subtitle: string, rows: readonly LatencyRow[]): string {
  const bottom = MARGIN.top + rows.length * STEP;
  const most = 10 ** Math.ceil(Math.log10(Math.max(10, ...rows.map((row) => row.p99Ms))));
  const least = 10 ** Math.floor(Math.log10(Math.min(1, ...rows.map((row) => row.p50Ms))));
  const x = (ms: number): number => {
    const share = Math.log10(Math.max(ms, least) / least) / Math.log10(most / least);
    return MARGIN.left + share * (WIDTH - MARGIN.left - MARGIN.right);
  };
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + MARGIN.bottom}"`,
    `  role="img" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${bottom + MARGIN.bottom}" rx="8" fill="#fff"/>`,
    text([24, 26], title, 'font-size="16" font-weight="600"'),
    text([24, 46], subtitle, 'fill="#52606d"'),
  ];
  for (let ms = least; ms <= most; ms *= 10) {
    const at = x(ms).toFixed(1);
    lines.push(`<path d="M${at} ${MARGIN.top - 8}V${bottom}" stroke="${FAINT}"/>`);
    lines.push(text([x(ms), bottom + 18], milliseconds(ms), 'text-anchor="middle"'));
  }
  for (const [at, name] of (['p50', 'p99'] as const).entries()) {
    const left = WIDTH - MARGIN.right - 60 + at * 60;
    lines.push(`<rect x="${left}" y="14" width="12" height="12" fill="${COLOURS[name]}"/>`);
    lines.push(text([left + 17, 24], name, ''));
  }
  for (const [at, row] of rows.entries()) {
    const top = MARGIN.top + at * STEP;
    lines.push(text([MARGIN.left - 10, top + BAR + 5], row.name, 'text-anchor="end"'));
    lines.push(...bar(x, top, [row.p50Ms, COLOURS.p50]));
    lines.push(...bar(x, top + BAR + 2, [row.p99Ms, COLOURS.p99]));
  }
  return [...lines, '</svg>', ''].join('\n');
}

/** Returns a time as people say it. */
export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`;
  return `${ms >= 100 || Number.isInteger(ms) ? Math.round(ms) : ms.toFixed(1)} ms`;
}

function bar(x: (ms: number) => number, top: number, [ms, colour]: [number, string]): string[] {
  const width = Math.max(1, x(ms) - MARGIN.left).toFixed(1);
  return [
    `<rect x="${MARGIN.left}" y="${top}" width="${width}" height="${BAR}" fill="${colour}"/>`,
    text([x(ms) + 6, top + BAR - 2], milliseconds(ms), 'font-size="11"'),
  ];
}

function text([left, top]: [number, number], words: string, style: string): string {
  return `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${style}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
