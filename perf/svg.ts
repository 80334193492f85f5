// Draws the latency curve of a run, and of an earlier one beside it: percentiles on a scale that
// stretches the tail (each nine as wide as the one before), latency logarithmic. No dependencies.

import type { LatencyPoint } from './load/load-result.ts';

export interface Curve {
  readonly label: string;
  readonly points: readonly LatencyPoint[];
}

const WIDTH = 860;
const HEIGHT = 420;
const MARGIN = { left: 76, right: 26, top: 62, bottom: 54 };
const INK = '#1f2933';
const FAINT = '#d9e0e6';
const COLOURS = ['#0b7285', '#e8590c', '#5f3dc4'];
const TICKS = [0, 50, 90, 99, 99.9, 99.99];
/** Where the curve ends: beyond it single requests decide. */
const LAST_PERCENTILE = 99.99;

/** Returns a complete SVG document. */
export function latencySvg(title: string, subtitle: string, curves: readonly Curve[]): string {
  const all = curves.flatMap((curve) => drawn(curve).map((point) => point.micros));
  const least = 10 ** Math.floor(Math.log10(Math.max(1, Math.min(...all))));
  const most = 10 ** Math.ceil(Math.log10(Math.max(...all, least * 10)));
  const y = (micros: number): number => {
    const share = Math.log10(Math.max(micros, least) / least) / Math.log10(most / least);
    return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"`,
    `  font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#fff"/>`,
    text(MARGIN.left, 26, title, 'font-size="16" font-weight="600"'),
    text(MARGIN.left, 45, subtitle, 'fill="#52606d"'),
    ...percentileLines(),
    ...latencyLines(least, most, y),
    ...curves.flatMap((curve, index) => curveLines(curve, index, y)),
    text(WIDTH / 2, HEIGHT - 12, 'percentile of requests', 'text-anchor="middle" fill="#52606d"'),
    '</svg>',
    '',
  ].join('\n');
}

/** Maps a percentile to its place: 0, 90, 99, 99.9, 99.99 lie equally far apart. */
function x(percentile: number): number {
  const nines = (share: number): number => -Math.log10(1 - share / 100);
  const span = WIDTH - MARGIN.left - MARGIN.right;
  return (
    MARGIN.left + (nines(Math.min(percentile, LAST_PERCENTILE)) / nines(LAST_PERCENTILE)) * span
  );
}

function percentileLines(): string[] {
  const bottom = HEIGHT - MARGIN.bottom;
  return TICKS.flatMap((tick) => [
    line([x(tick), MARGIN.top, x(tick), bottom], FAINT),
    text(x(tick), bottom + 18, `p${tick}`, 'text-anchor="middle"'),
  ]);
}

function latencyLines(least: number, most: number, y: (micros: number) => number): string[] {
  const lines: string[] = [];
  for (let micros = least; micros <= most; micros *= 10) {
    lines.push(line([MARGIN.left, y(micros), WIDTH - MARGIN.right, y(micros)], FAINT));
    lines.push(text(MARGIN.left - 8, y(micros) + 4, duration(micros), 'text-anchor="end"'));
  }
  return lines;
}

function curveLines(curve: Curve, index: number, y: (micros: number) => number): string[] {
  const colour = COLOURS[index % COLOURS.length] ?? INK;
  const points = drawn(curve);
  const path = points.map(
    (point) => `${x(point.percentile).toFixed(1)},${y(point.micros).toFixed(1)}`,
  );
  const legendX = WIDTH - MARGIN.right - 190;
  const legendY = 24 + index * 18;
  return [
    `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2.5"` +
      ' stroke-linejoin="round"/>',
    ...points
      .filter((point) => TICKS.includes(point.percentile) && point.percentile > 0)
      .flatMap((point) => marker(point, colour, { index, y })),
    line([legendX, legendY - 4, legendX + 22, legendY - 4], colour, 2.5),
    text(legendX + 30, legendY, curve.label, ''),
  ];
}

/** The first curve carries its values above, the others below, so that they stay apart. */
function marker(
  point: LatencyPoint,
  colour: string,
  place: { index: number; y: (micros: number) => number },
): string[] {
  const [left, top] = [x(point.percentile), place.y(point.micros)];
  const anchor = point.percentile >= LAST_PERCENTILE ? 'end' : 'middle';
  const style = `text-anchor="${anchor}" fill="${colour}" font-size="11"`;
  return [
    `<circle cx="${left.toFixed(1)}" cy="${top.toFixed(1)}" r="3.5" fill="${colour}"/>`,
    text(left, top + (place.index === 0 ? -9 : 19), duration(point.micros), style),
  ];
}

function drawn(curve: Curve): LatencyPoint[] {
  return curve.points.filter((point) => point.percentile <= LAST_PERCENTILE);
}

/** Returns a latency as people say it: `240 µs`, `1.3 ms`, `2.0 s`. */
export function duration(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)} µs`;
  if (micros < 1e6) return `${(micros / 1000).toFixed(micros < 100_000 ? 1 : 0)} ms`;
  return `${(micros / 1e6).toFixed(1)} s`;
}

function line(ends: readonly number[], colour: string, width = 1): string {
  const [x1, y1, x2, y2] = ends.map((each) => each.toFixed(1));
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="${width}"/>`;
}

function text(left: number, top: number, words: string, style: string): string {
  return `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${style}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
