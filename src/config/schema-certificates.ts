// The schema of certificates that look after themselves: from which authorities and how (`certificates`),
// and for which names of a listener (`listeners[].tls.automatic`).

import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readHostPattern } from './addresses.ts';
import { choice, duration, integer, section, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;

/** Let's Encrypt. */
const DEFAULT_DIRECTORY = 'https://acme-v02.api.letsencrypt.org/directory';
/** The ways to prove that a name is ours, in the order in which they are tried. */
const PROOFS = ['http-01', 'tls-alpn-01', 'dns-01'] as const;

const secureUrl = (expected: string) =>
  text(expected, (url) => (/^https:\/\/\S+$/.test(url) && URL.canParse(url) ? url : null));

const pathError = 'the path of a file, or null';

const externalAccount = section({
  keyId: text('a key id without spaces', (id) => (/^[!-~]{1,512}$/.test(id) ? id : null)).describe(
    'Key id that the authority gave you.',
  ),
  key: text('a key in base64url', (key) =>
    /^[A-Za-z0-9_-]{16,1024}={0,2}$/.test(key) ? key.replace(/=+$/, '') : null,
  ).describe('Its key (HMAC), in base64url.'),
}).describe('Account elsewhere that an authority asks for (external account binding).');

const authority = section({
  directory: secureUrl('the https URL of a directory').describe(
    'URL of its directory (RFC 8555); staging and test ones as well.',
  ),
  caFile: z
    .string({ error: pathError })
    .min(1, { error: pathError })
    .nullable()
    .prefault(null)
    .describe(
      "PEM file with authorities for the directory's own https; null: those of the system.",
    ),
  externalAccount: externalAccount.nullable().prefault(null),
}).describe('A certificate authority that speaks ACME.');

const dnsHook = section({
  command: z
    .array(
      text('a text without NUL', (part) => (/^[^\0]+$/.test(part) ? part : null)),
      {
        error: 'a program and its arguments, as a list',
      },
    )
    .min(1, { error: 'a program and its arguments, as a list' })
    .describe("Program and arguments, without a shell; 'present' or 'cleanup' is added."),
  timeoutMs: duration({ min: secondMs, max: hourMs })
    .prefault('1m')
    .describe('The program is killed after this.'),
  settleMs: duration({ min: 0, max: hourMs })
    .prefault('10s')
    .describe('Time between its end and the question of the authority, for the record to spread.'),
}).describe('Program that sets and removes TXT records, for dns-01.');

const acme = section({
  email: text('an e-mail address, or null', (email) =>
    /^[^\s@<>"]{1,64}@[^\s@<>"]{1,253}$/.test(email) ? email : null,
  )
    .nullable()
    .prefault(null)
    .describe('Where authorities write to when something is wrong; null for nowhere.'),
  authorities: z
    .array(authority, { error: 'a list of authorities' })
    .min(1, { error: 'at least one authority' })
    .prefault([{ directory: DEFAULT_DIRECTORY }])
    .describe('Asked in this order until one issues. Using them accepts their terms.'),
  proofs: z
    .array(choice(PROOFS), { error: 'a list of proofs' })
    .min(1, { error: 'at least one proof' })
    .prefault([...PROOFS])
    .describe('How names are proved, in this order; dns-01 needs dnsHook.'),
  dnsHook: dnsHook.nullable().prefault(null),
  retryMs: duration({ min: 100, max: dayMs })
    .prefault('1m')
    .describe('Pause after all authorities failed; it doubles with each failure.'),
  retryMaxMs: duration({ min: 100, max: 7 * dayMs })
    .prefault('6h')
    .describe('Longest such pause.'),
})
  .prefault({})
  .describe('Certificates from authorities that speak ACME (RFC 8555).');

const storageError = "'auto' or the path of a directory";

/** Describes where certificates come from that nobody puts there. */
export const certificates = section({
  storage: z
    .string({ error: storageError })
    .min(1, { error: storageError })
    .transform((path) => (path === 'auto' ? defaultStorage(process.env) : path))
    .prefault('auto')
    .describe(
      "Directory for keys and certificates; several Sluices may share one. 'auto': $STATE_DIRECTORY, else sluice in $XDG_DATA_HOME or ~/.local/share.",
    ),
  acme,
})
  .prefault({})
  .describe('Certificates that look after themselves.');

const onDemand = section({
  ask: text('an http or https URL', (url) =>
    /^https?:\/\/[^\s#]+$/.test(url) && URL.canParse(url) ? url : null,
  ).describe('Asked with ?domain=NAME; 200 allows a certificate for the name, all else refuses.'),
  timeoutMs: duration({ min: 10, max: 60 * secondMs })
    .prefault('2s')
    .describe('Longest wait for that answer; then it is no.'),
  certificatesMax: integer({ min: 1, max: 1_000_000 })
    .prefault(1000)
    .describe('Most names that get a certificate in this way.'),
  perMinute: integer({ min: 1, max: 10_000 })
    .prefault(10)
    .describe('Names that are asked about per minute; the others fail until later.'),
}).describe('Certificates for names that clients ask for first.');

/** Describes the names of a listener whose certificates are got from an authority. */
export const automatic = section({
  domains: z
    .array(text("a DNS name such as 'example.com' or '*.example.com'", readDomain), {
      error: 'a list of DNS names',
    })
    .optional()
    .describe('Names to have a certificate each; default: the hosts of the routes.'),
  onDemand: onDemand.nullable().prefault(null),
}).describe('Certificates that are got and renewed automatically.');

/** Describes a certificate of the local authority. */
export const internal = section({
  names: z
    .array(text("a name such as 'app.test' or '*.app.test', or an address", readHostPattern), {
      error: 'a list of names and addresses',
    })
    .max(100, { error: 'at most 100 names' })
    .prefault([])
    .describe('Names beside the hosts of the routes, localhost, 127.0.0.1 and ::1.'),
  lifeMs: duration({ min: 5 * secondMs, max: 30 * dayMs })
    .prefault('12h')
    .describe('How long a certificate is good; it is renewed when a third of that is left.'),
}).describe("A certificate of a local authority, for development; see 'sluice trust'.");

export type AutomaticConfig = z.output<typeof automatic>;
export type CertificatesConfig = z.output<typeof certificates>;
export type AcmeConfig = CertificatesConfig['acme'];
export type OnDemandConfig = z.output<typeof onDemand>;
export type Proof = (typeof PROOFS)[number];

/** Reads a DNS name, with a wildcard or without; no address. */
function readDomain(written: string): string | null {
  const name = readHostPattern(written);
  return name === null || !isDomain(name) ? null : name;
}

function isDomain(name: string): boolean {
  return !name.startsWith('[') && !/(?:^|\.)[0-9.]+$/.test(name);
}

/** No public authority issues for these (RFC 6761, RFC 6762, ICANN's `internal`). */
const PRIVATE = /^[^.]+$|(?:^|\.)(?:localhost|local|internal|home\.arpa)$/;

/** Returns the hosts of routes that an authority may issue for; wildcards only when they can be proved. */
export function domainsOf(hosts: readonly string[], canProveWildcards: boolean): string[] {
  const names = hosts.filter((host) => {
    if (!isDomain(host) || PRIVATE.test(host)) return false;
    return canProveWildcards || !host.startsWith('*.');
  });
  return [...new Set(names)];
}

function defaultStorage(env: NodeJS.ProcessEnv): string {
  // systemd lists several with colons.
  const state = env['STATE_DIRECTORY']?.split(':')[0];
  if (state !== undefined && state !== '') return state;
  const data = env['XDG_DATA_HOME'];
  return join(data === undefined || data === '' ? join(homedir(), '.local/share') : data, 'sluice');
}
