// Draws the side-by-side: one panel a scenario, one bar a proxy, CPU time per request. No dependencies.

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly colour: string;
}

export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export const BAR_COLOURS = {
  sluice: '#0b7285',
  native: '#868e96',
  node: '#e8590c',
  command: '#5f3dc4',
} as const;

const WIDTH = 860;
const LEFT = 190;
const BAR = 18;
const PANEL_HEAD = 34;
const TOP = 70;
const INK = '#1f2933';

/** Returns a complete SVG document. */
export function barsSvg(title: string, subtitle: string, panels: readonly Panel[]): string {
  const heights = panels.map((panel) => PANEL_HEAD + panel.bars.length * BAR + 14);
  const height = TOP + heights.reduce((sum, each) => sum + each, 0) + 10;
  let top = TOP;
  const drawn = panels.flatMap((panel, at) => {
    const lines = panelLines(panel, top);
    top += heights[at]!;
    return lines;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img"`,
    `  font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" rx="8" fill="#fff"/>`,
    text(24, 28, title, 'font-size="16" font-weight="600"'),
    text(24, 48, subtitle, 'fill="#52606d"'),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function panelLines(panel: Panel, top: number): string[] {
  const most = Math.max(...panel.bars.map((bar) => bar.value), Number.MIN_VALUE);
  const room = WIDTH - LEFT - 110;
  return [
    text(24, top + 20, panel.title, 'font-weight="600"'),
    ...panel.bars.flatMap((bar, at) => {
      const y = top + PANEL_HEAD + at * BAR;
      const width = Math.max(1, (bar.value / most) * room);
      return [
        text(LEFT - 8, y + 11, bar.name, 'text-anchor="end"'),
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 5}" rx="2"` +
          ` fill="${bar.colour}"/>`,
        text(LEFT + width + 6, y + 11, `${figure(bar.value)} ${panel.unit}`, 'font-size="11"'),
      ];
    }),
  ];
}

/** Three digits are as many as the measurement has. */
function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function text(left: number, top: number, words: string, style: string): string {
  return `<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" ${style}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
