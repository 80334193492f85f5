// What is wrong with certificates that Sluice is to get by itself. Works on a complete configuration,
// because names come from routes as well.

import type { Finding } from './finding.ts';
import type { Path } from './path.ts';
import type { Config, ListenerConfig } from './schema.ts';

/** Finds listeners without any certificate, and names that could never get one. Never throws. */
export function checkCertificates({ listeners, certificates }: Config): Finding[] {
  const { acme } = certificates;
  const findings = listeners.flatMap((listener, index) => {
    return checkListener(listener, ['listeners', index, 'tls'], acme.dnsHook !== null);
  });
  const path: Path = ['certificates', 'acme'];
  if (acme.dnsHook === null && acme.proofs.every((proof) => proof === 'dns-01')) {
    findings.push({ path: [...path, 'proofs'], message: 'dns-01 needs certificates.acme.dnsHook' });
  }
  if (acme.retryMs > acme.retryMaxMs) {
    findings.push({ path: [...path, 'retryMs'], message: 'expected at most retryMaxMs' });
  }
  return findings;
}

function checkListener(
  { tls, engine }: ListenerConfig,
  path: Path,
  canProveWildcards: boolean,
): Finding[] {
  if (tls === null) return [];
  const { automatic } = tls;
  const isIssuedHere = tls.internal !== null;
  if (isIssuedHere && engine === 'uws' && tls.certificates.length > 0) {
    return [
      { path: [...path, 'internal'], message: 'more than one certificate needs engine node' },
    ];
  }
  if (automatic === null) {
    if (tls.certificates.length > 0 || isIssuedHere) return [];
    return [
      { path: [...path, 'certificates'], message: 'is missing: expected at least one certificate' },
    ];
  }
  const { domains, onDemand } = automatic;
  const findings: Finding[] = [];
  const domainsPath = [...path, 'automatic', 'domains'];
  if (domains.length === 0 && onDemand === null) {
    const message =
      'expected names to get certificates for: no route has a host with a public name';
    findings.push({ path: domainsPath, message });
  }
  for (const [at, name] of domains.entries()) {
    if (canProveWildcards || !name.startsWith('*.')) continue;
    const message = `'${name}' can be proved by dns-01 alone: it needs certificates.acme.dnsHook`;
    findings.push({ path: [...domainsPath, at], message });
  }
  const others = tls.certificates.length + (isIssuedHere ? 1 : 0);
  if (engine === 'uws' && domains.length + others > 1) {
    findings.push({ path: domainsPath, message: 'more than one certificate needs engine node' });
  }
  if (engine === 'uws' && onDemand !== null) {
    findings.push({
      path: [...path, 'automatic', 'onDemand'],
      message: 'needs engine node or auto',
    });
  }
  return findings;
}
