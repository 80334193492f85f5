// TLS on either engine, and HTTP/2, with a certificate of ECDSA P-256.

import { createCertificate } from '../../native-bench/harness/certificate.ts';
import { type Load, type PerfScenario, plainSubject, smallGet } from '../scenario.ts';

function secure(
  name: string,
  title: string,
  of: { listener: object; connections?: number; load?: Partial<Load> },
): PerfScenario {
  return {
    ...{ name, title, unit: 'request', connections: of.connections ?? 64 },
    load: { ...smallGet, scheme: 'https', ...of.load } as Load,
    prepare: async (stage) => {
      const { certFile, keyFile } = createCertificate(stage.workbench.directory);
      const tls = { certificates: [{ certFile, keyFile }] };
      return { ...(await plainSubject(stage)), listener: { tls, ...of.listener } };
    },
  };
}

export const tlsScenarios: readonly PerfScenario[] = [
  secure('tls-uws', 'TLS on the engine uws, GET 1 KiB', { listener: { http2: false } }),
  secure('tls-node', 'TLS on the engine node, GET 1 KiB over HTTP/1.1', {
    listener: { engine: 'node' },
  }),
  secure('http2', 'HTTP/2 over TLS, GET 1 KiB, 10 streams a connection', {
    listener: { engine: 'node' },
    connections: 16,
    load: { kind: 'http2', path: '/small', streams: 10 },
  }),
];
