// Draws a folded profile as a flame graph: every function a bar as wide as its time, callers below. A
// viewer shows name and share of a bar under the pointer. No script, no dependencies.

import type { Frame, FrameKind } from './profile.ts';

const WIDTH = 1200;
const ROW = 17;
const TOP = 66;
const BOTTOM = 14;
/** Narrower ones can't be seen. */
const NARROWEST = 0.6;
const CHARACTER = 6.6;
const INK = '#1f2933';
const COLOURS: Record<FrameKind, string> = {
  src: '#66c2cf',
  package: '#f4a66a',
  node: '#b9c7d3',
  engine: '#e3b7c4',
};
const LEGEND: readonly [FrameKind, string][] = [
  ['src', 'Sluice'],
  ['package', 'packages'],
  ['node', 'Node'],
  ['engine', 'V8 and native code'],
];

/** Returns a complete SVG document. */
export function flameSvg(title: string, subtitle: string, root: Frame): string {
  const bars: string[] = [];
  const depth = deepest(root, root);
  const height = TOP + depth * ROW + BOTTOM;
  const draw = (frame: Frame, left: number, level: number): void => {
    let at = left;
    // The widest first: what matters stands to the left.
    const children = [...frame.children.values()].toSorted((a, b) => b.totalMicros - a.totalMicros);
    for (const child of children) {
      const width = widthOf(child, root);
      if (width < NARROWEST) break;
      bars.push(...bar(child, { left: at, top: height - BOTTOM - (level + 1) * ROW, width }, root));
      draw(child, at, level + 1);
      at += width;
    }
  };
  draw(root, 0, 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"`,
    `  font-family="ui-monospace, monospace" font-size="11" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="24" font-size="16" font-weight="600">${escaped(title)}</text>`,
    `<text x="12" y="44" fill="#52606d">${escaped(subtitle)}</text>`,
    ...LEGEND.flatMap(([kind, words], at) => legend(kind, words, WIDTH - 520 + at * 130)),
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

function bar(
  frame: Frame,
  place: { left: number; top: number; width: number },
  root: Frame,
): string[] {
  const { left, top, width } = place;
  const share = `${((100 * frame.totalMicros) / root.totalMicros).toFixed(1)} %`;
  const letters = Math.floor((width - 6) / CHARACTER);
  const label = letters < 4 ? '' : frame.name.slice(0, letters);
  return [
    `<g><title>${escaped(frame.name)}: ${share}</title>`,
    `<rect x="${left.toFixed(1)}" y="${top}" width="${Math.max(0.4, width - 0.5).toFixed(1)}"` +
      ` height="${ROW - 1}" rx="1" fill="${COLOURS[frame.kind]}"/>`,
    ...(label === ''
      ? []
      : [`<text x="${(left + 3).toFixed(1)}" y="${top + 12}">${escaped(label)}</text>`]),
    '</g>',
  ];
}

function legend(kind: FrameKind, words: string, left: number): string[] {
  return [
    `<rect x="${left}" y="34" width="12" height="12" fill="${COLOURS[kind]}"/>`,
    `<text x="${left + 17}" y="44">${words}</text>`,
  ];
}

function deepest(frame: Frame, root: Frame): number {
  const below = [...frame.children.values()].filter((each) => widthOf(each, root) >= NARROWEST);
  return below.reduce((most, each) => Math.max(most, 1 + deepest(each, root)), 0);
}

function widthOf(frame: Frame, root: Frame): number {
  return root.totalMicros === 0 ? 0 : (frame.totalMicros / root.totalMicros) * WIDTH;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
