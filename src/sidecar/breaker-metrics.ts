// The state of circuit breakers in the text format of Prometheus: of the sidecar's own knowledge, not from
// workers.

import type { SharedUpstream } from './shared-view.ts';

/** Returns two families, or nothing while no upstream has a breaker. */
export function breakerText(upstreams: readonly SharedUpstream[]): string {
  const phases = { open: 1, ramp: 0.5, closed: 0, off: 0 } as const;
  const present = upstreams.filter(({ breaker }) => breaker.phase !== 'off');
  const family = (name: string, head: string, read: (one: SharedUpstream) => number) => {
    const full = `sluice_${name}`;
    const lines = present.map((one) => `${full}{upstream="${one.name}"} ${read(one)}\n`);
    return lines.length === 0 ? '' : `# HELP ${full} ${head}\n${lines.join('')}`;
  };
  return (
    family(
      'breaker_open',
      `1 while open, 0.5 in the ramp.\n# TYPE sluice_breaker_open gauge`,
      ({ breaker }) => phases[breaker.phase],
    ) +
    family(
      'breaker_opened_total',
      `Times that the breaker opened.\n# TYPE sluice_breaker_opened_total counter`,
      ({ breaker }) => breaker.opened,
    )
  );
}
