// Upstreams and their peers as a table for people.

/** The part of GET /api/upstreams that is shown. */
export interface ShownUpstream {
  readonly name: string;
  readonly balancer: string;
  readonly inFlight: number;
  readonly peersHealthy: number;
  readonly requestsPerSecond: number;
  readonly latency: {
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
  } | null;
  readonly discovery: { readonly dns: string | null; readonly dnsProblem: string | null };
  readonly peers: readonly ShownPeer[];
}

export interface ShownPeer {
  readonly url: string;
  readonly origin: string;
  readonly weight: number;
  readonly priority: number;
  readonly draining: boolean;
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly health: {
    readonly isHealthy: boolean;
    readonly reason: string;
    readonly since: string | null;
  };
}

const titles = ['peer', 'origin', 'weight', 'tier', 'running', 'req/s', 'err/s', 'state'];
/** Columns with numbers stand at the right. */
const numbers = new Set(['weight', 'tier', 'running', 'req/s', 'err/s']);

/** Returns the tables of all upstreams, with a line break at the end. */
export function formatUpstreams(upstreams: readonly ShownUpstream[]): string {
  return upstreams.map(formatUpstream).join('\n');
}

function formatUpstream(upstream: ShownUpstream): string {
  const { name, balancer, peers, peersHealthy, inFlight, latency, discovery } = upstream;
  const facts = [
    balancer,
    `${peersHealthy} of ${peers.length} healthy`,
    `${inFlight} running`,
    `${shorten(upstream.requestsPerSecond)} req/s`,
  ];
  if (latency !== null) {
    const { p50Ms, p95Ms, p99Ms } = latency;
    facts.push(`p50 ${shorten(p50Ms)}  p95 ${shorten(p95Ms)}  p99 ${shorten(p99Ms)} ms`);
  }
  const lines = [`${name}: ${facts.join(', ')}`];
  if (discovery.dnsProblem !== null) lines.push(`  DNS ${discovery.dns}: ${discovery.dnsProblem}`);
  if (peers.length > 0) lines.push(...formatRows([titles, ...peers.map(cellsOf)]));
  return `${lines.join('\n')}\n`;
}

function cellsOf(peer: ShownPeer): string[] {
  const { url, origin, weight, priority, inFlight, requestsPerSecond, errorsPerSecond } = peer;
  const amounts = [requestsPerSecond, errorsPerSecond].map(shorten);
  return [url, origin, `${weight}`, `${priority}`, `${inFlight}`, ...amounts, stateOf(peer)];
}

function stateOf({ draining, health }: ShownPeer): string {
  const states = draining ? ['draining'] : [];
  if (!health.isHealthy) {
    const since = health.since === null ? '' : ` since ${health.since.slice(11, 19)}`;
    states.push(`down${since}: ${health.reason}`);
  }
  return states.length === 0 ? 'ok' : states.join(', ');
}

function formatRows(rows: readonly (readonly string[])[]): string[] {
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const isNumber = numbers.has(titles[column]!);
      return isNumber ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
    });
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

function shorten(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Math.round(value * 10) / 10);
}
