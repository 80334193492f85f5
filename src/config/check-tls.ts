// What the schema cannot say about TLS and engines because it takes more than one field, and the files that
// a listener names. Works on raw data like check-references.

import { formatPath, type Path } from './path.ts';

interface Finding {
  readonly path: Path;
  readonly message: string;
}

type Raw = Readonly<Record<string, unknown>>;

/** Finds what the chosen engine can't do, and ports that would be taken twice. Never throws. */
export function checkWires(listeners: readonly Raw[]): Finding[] {
  const findings: Finding[] = [];
  for (const [index, listener] of listeners.entries()) {
    const path: Path = ['listeners', index];
    const tls = asMap(listener['tls']);
    const clientAuth = asMap(tls['clientAuth']);
    const authenticates = clientAuth['mode'] === 'request' || clientAuth['mode'] === 'require';
    if (listener['engine'] === 'uws') {
      const needed: [boolean, Path][] = [
        [listener['http2'] === true, ['http2']],
        [authenticates, ['tls', 'clientAuth', 'mode']],
        [tls['profile'] === 'modern', ['tls', 'profile']],
        [asCount(tls['certificates']) > 1, ['tls', 'certificates', 1]],
        [asCount(listener['proxyFrom']) > 0, ['proxyFrom']],
      ];
      for (const [isWanted, field] of needed) {
        if (!isWanted) continue;
        findings.push({ path: [...path, ...field], message: 'needs engine node or auto' });
      }
    }
    if (authenticates && typeof clientAuth['caFile'] !== 'string') {
      const message = 'expected a file with authorities, which mode asks for, got none';
      findings.push({ path: [...path, 'tls', 'clientAuth', 'caFile'], message });
    }
    findings.push(...checkRedirect(listeners, index, tls['redirectFrom']));
  }
  return findings;
}

function checkRedirect(listeners: readonly Raw[], index: number, port: unknown): Finding[] {
  if (typeof port !== 'number') return [];
  const path: Path = ['listeners', index, 'tls', 'redirectFrom'];
  for (const [other, listener] of listeners.entries()) {
    const isTaken = listener['port'] === port;
    const isTwice = other < index && asMap(listener['tls'])['redirectFrom'] === port;
    if (!isTaken && !isTwice) continue;
    return [{ path, message: `the same port as ${formatPath(['listeners', other])}` }];
  }
  return [];
}

function asCount(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function asMap(value: unknown): Raw {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Raw) : {};
}
