// The schema of TLS on a public address, and of the choice between the two front engines.

import * as z from 'zod';
import { readCidr } from './addresses.ts';
import { choice, flag, integer, section, text } from './fields.ts';
import { internalNames } from './internal-authority.ts';
import { automatic, domainsOf, internal } from './schema-certificates.ts';

const pemFile = 'the path of a PEM file';

function file(expected = pemFile) {
  return z.string({ error: expected }).min(1, { error: expected });
}

/** Describes a certificate and its key. */
const certificate = section({
  certFile: file().describe('PEM file with the certificate, followed by those that vouch for it.'),
  keyFile: file().describe('PEM file with its private key; to be readable by nobody else.'),
}).describe('A certificate and its key; both files are watched.');

const clientAuth = section({
  mode: choice(['off', 'request', 'require'])
    .prefault('off')
    .describe("Whether clients show a certificate: 'off', may ('request'), or must ('require')."),
  caFile: file(`${pemFile}, or null`)
    .nullable()
    .prefault(null)
    .describe("PEM file with the authorities whose clients' certificates are believed."),
  crlFile: file(`${pemFile}, or null`)
    .nullable()
    .prefault(null)
    .describe('PEM file with revocation lists; null for none.'),
})
  .prefault({})
  .describe("Clients' certificates; peers get them in X-Forwarded-Client-Cert. Engine node.");

const strictTransport = text(
  "a value of Strict-Transport-Security such as 'max-age=31536000', or null",
  (value) =>
    /^max-age=[0-9]{1,10}(?:; ?includeSubDomains)?(?:; ?preload)?$/.test(value) ? value : null,
);

const tlsSettings = section({
  automatic: automatic.nullable().prefault(null),
  internal: internal.nullable().prefault(null),
  certificates: z
    .array(certificate, { error: 'a list of certificates' })
    .prefault([])
    .describe(
      'Chosen by the name that clients ask for, exact before wildcard; else the first one. Engine uws takes one.',
    ),
  profile: choice(['intermediate', 'modern'])
    .prefault('intermediate')
    .describe("Mozilla's profiles: 'intermediate' TLS 1.2 and 1.3, 'modern' TLS 1.3 alone."),
  clientAuth,
  redirectFrom: integer({ min: 1, max: 65_535 })
    .nullable()
    .optional()
    .describe(
      'Port, usually 80, that sends everybody here with 308; null for none. Default: none, or 80 for automatic and internal certificates on port 443.',
    ),
  hsts: strictTransport
    .nullable()
    .optional()
    .describe(
      'Strict-Transport-Security in all answers; null leaves it to the peers. Default: null, or a year for automatic certificates.',
    ),
});

/** Describes TLS on a public address; null for plain text. */
export const listenerTls = z
  .union([tlsSettings, z.enum(['automatic', 'internal'])], {
    error: "'automatic', 'internal' or a map of settings",
  })
  .transform((value) => (typeof value === 'string' ? tlsSettings.parse({ [value]: {} }) : value))
  .nullable()
  .prefault(null)
  .describe("TLS: 'automatic', 'internal', or how; null for plain text.");

/** Describes which engine serves a listener. */
export const listenerEngine = choice(['auto', 'uws', 'node'])
  .prefault('auto')
  .describe("'uws' is fast, 'node' speaks HTTP/2; 'auto': node for TLS, else uws.");

/** Describes whether a listener speaks HTTP/2. */
export const listenerHttp2 = flag()
  .nullable()
  .prefault(null)
  .describe('HTTP/2 beside HTTP/1.1; null: with TLS, unless the engine is uws.');

/** Describes who speaks the PROXY protocol to a listener. */
export const listenerProxyFrom = z
  .array(text("an address or CIDR block such as '10.0.0.0/8'", readCidr), {
    error: 'a list of addresses and CIDR blocks',
  })
  .prefault([])
  .describe('Balancers that begin with a PROXY header, version 1 or 2; they must. Engine node.');

/** What a listener says about its wire, as written. */
interface WrittenWire {
  readonly engine: z.output<typeof listenerEngine>;
  readonly http2: boolean | null;
  readonly tls: z.output<typeof listenerTls>;
  readonly proxyFrom: readonly string[];
}

/** Returns engine and protocols in force: TLS goes to node, because browsers want HTTP/2 there. */
export function settleWire({ engine, http2, tls, proxyFrom }: WrittenWire): {
  readonly engine: 'uws' | 'node';
  readonly http2: boolean;
} {
  const settled = http2 ?? (tls !== null && engine !== 'uws');
  if (engine !== 'auto') return { engine, http2: settled };
  const needsNode =
    proxyFrom.length > 0 ||
    (tls !== null &&
      (tls.clientAuth.mode !== 'off' ||
        tls.profile === 'modern' ||
        tls.automatic !== null ||
        tls.certificates.length + (tls.internal === null ? 0 : 1) > 1));
  return { engine: settled || needsNode ? 'node' : 'uws', http2: settled };
}

/** What decides about names and the redirect of automatic certificates. */
interface TlsSurroundings {
  readonly port: number;
  /** Of all routes. */
  readonly hosts: readonly string[];
  readonly canProveWildcards: boolean;
  /** Nobody else listens on port 80. */
  readonly isPlainPortFree: boolean;
}

/** A year; long enough for browsers' own lists. */
const AUTOMATIC_HSTS = 'max-age=31536000';

/** Returns TLS with everything decided that depends on the rest of the configuration. */
export function settleTls(
  {
    automatic: written,
    internal: local,
    redirectFrom,
    hsts,
    ...rest
  }: NonNullable<z.output<typeof listenerTls>>,
  { port, hosts, canProveWildcards, isPlainPortFree }: TlsSurroundings,
) {
  const isAutomatic = written !== null;
  const redirects = (isAutomatic || local !== null) && port === 443 && isPlainPortFree;
  return {
    ...rest,
    automatic:
      written === null
        ? null
        : { ...written, domains: written.domains ?? domainsOf(hosts, canProveWildcards) },
    internal: local === null ? null : { ...local, names: internalNames(local.names, hosts) },
    redirectFrom: redirectFrom === undefined ? (redirects ? 80 : null) : redirectFrom,
    // Not for internal ones: browsers would remember localhost for a year, whatever listens there next.
    hsts: hsts === undefined ? (isAutomatic ? AUTOMATIC_HSTS : null) : hsts,
  };
}
