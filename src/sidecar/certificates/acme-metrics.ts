// The certificates that Sluice gets by itself in the text format of Prometheus.

import type { AcmeCertificates } from './acme-certificates.ts';

/** Returns the families, or nothing while there are no such certificates. */
export function acmeText({
  states,
  counters,
}: Pick<AcmeCertificates, 'states' | 'counters'>): string {
  if (states.length === 0) return '';
  const lines: string[] = [];
  const family = (name: string, type: 'gauge' | 'counter', help: string) => {
    lines.push(`# HELP sluice_acme_${name} ${help}`, `# TYPE sluice_acme_${name} ${type}`);
  };
  family('certificates', 'gauge', 'Certificates that Sluice gets by itself, by state.');
  for (const state of ['valid', 'pending', 'issuing', 'failing'] as const) {
    const count = states.filter((one) => one.state === state).length;
    lines.push(`sluice_acme_certificates{state="${state}"} ${count}`);
  }
  family('issued_total', 'counter', 'Certificates got.');
  lines.push(`sluice_acme_issued_total ${counters.issued}`);
  family('failures_total', 'counter', 'Times that no authority issued a certificate.');
  lines.push(`sluice_acme_failures_total ${counters.failures}`);
  return `${lines.join('\n')}\n`;
}
