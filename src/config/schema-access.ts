// The schema of who may pass: addresses, credentials of every kind, and other origins (CORS).

import * as z from 'zod';
import { readCidr } from './addresses.ts';
import { choice, duration, flag, section, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;

const cidrs = () =>
  z.array(text("an address or CIDR block such as '10.0.0.0/8'", readCidr), {
    error: 'a list of addresses and CIDR blocks',
  });

const file = (what: string) =>
  z.string({ error: what }).min(1, { error: what }).nullable().prefault(null);

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const fieldName = () =>
  text("a header field name such as 'x-user'", (name) =>
    tokenPattern.test(name) ? name.toLowerCase() : null,
  );
const fieldNames = () => z.array(fieldName(), { error: 'a list of header field names' });
const parameter = () =>
  text("a parameter name such as 'key'", (name) => (tokenPattern.test(name) ? name : null));
const words = (expected: string) =>
  z.array(
    text('a text', (value) => (value === '' ? null : value)),
    { error: expected },
  );
const forward = (what: string) =>
  flag().prefault(false).describe(`Pass ${what} on to the peer; by default it is taken out.`);
const httpUrl = (expected: string) =>
  text(expected, (value) =>
    /^https?:\/\/[^\s]+$/.test(value) && URL.canParse(value) ? value : null,
  );

/** Describes which addresses a route serves. */
export const clients = section({
  allow: cidrs().prefault([]).describe('Only these clients are served; none given: all.'),
  allowFile: file(
    'the path of a file with a line for each address or CIDR block, or null',
  ).describe('Watched file with more of them, one per line.'),
  deny: cidrs().prefault([]).describe('These clients get 403.'),
  denyFile: file('the path of a file with a line for each address or CIDR block, or null').describe(
    'Watched file with more of them, one per line.',
  ),
})
  .nullable()
  .prefault(null)
  .describe('Which clients are served, by address; null for all.');

const basic = section({
  realm: text('printable ASCII without quotes', (realm) =>
    /^[ !#-[\]-~]+$/.test(realm) ? realm : null,
  )
    .prefault('restricted')
    .describe('What browsers show when they ask for the password.'),
  file: file('the path of an htpasswd file, or null').describe(
    'Watched htpasswd file: bcrypt, argon2, apr1 or SHA hashes.',
  ),
  users: z
    .record(
      z.string().regex(/^[^:]+$/, { error: 'a name without colon' }),
      text('a bcrypt, argon2, apr1 or SHA hash', (hash) =>
        /^(?:\$(?:2[aby]|argon2(?:id|i|d)|apr1)\$|\{SHA\})\S+$/.test(hash) ? hash : null,
      ).describe('The password hash of this user.'),
      { error: 'a map of users and password hashes' },
    )
    .prefault({})
    .describe('Users with their password hashes, besides those of the file.'),
  forward: forward('the Authorization field'),
})
  .nullable()
  .prefault(null)
  .describe('HTTP Basic authentication; null for none.');

const apiKeys = section({
  header: fieldName()
    .nullable()
    .prefault('x-api-key')
    .describe('Field with the key; null for none.'),
  query: parameter()
    .nullable()
    .prefault(null)
    .describe('Query parameter with the key; null for none.'),
  keys: z
    .record(
      z.string().min(1, { error: 'a name' }),
      text('a SHA-256 in hex (printf %s KEY | sha256sum)', (hash) =>
        /^[0-9a-f]{64}$/i.test(hash) ? hash.toLowerCase() : null,
      ).describe('SHA-256 of the key in hex.'),
      { error: 'a map of names and SHA-256 hashes' },
    )
    .describe('Names of the keys, and the SHA-256 of each in hex.'),
  forward: forward('the key'),
})
  .nullable()
  .prefault(null)
  .describe('API keys; null for none.');

const algorithms = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA'] as const),
] as const;

const jwt = section({
  jwks: text("a URL such as 'https://id.example/keys' or the path of a file", (value) =>
    value === '' ? null : value,
  ).describe('Key set (JWKS) of the issuer: a URL, fetched and kept up to date, or a file.'),
  algorithms: z
    .array(choice(algorithms), { error: 'a list of algorithms' })
    .min(1, { error: 'at least one algorithm' })
    .prefault(['RS256', 'ES256', 'EdDSA'])
    .describe('Signature algorithms that are accepted; a token has no say in it.'),
  issuers: words('a list of issuers').prefault([]).describe('Accepted iss claims; none: any.'),
  audiences: words('a list of audiences').prefault([]).describe('Accepted aud claims; none: any.'),
  clockSkewMs: duration({ min: 0, max: hourMs })
    .prefault('30s')
    .describe('How far the clocks of issuer and proxy may be apart.'),
  from: text("'authorization', 'header:NAME', 'cookie:NAME' or 'query:NAME'", (value) => {
    if (value === 'authorization') return value;
    const [, kind, name] =
      /^(header|cookie|query):([!#$%&'*+.^_`|~0-9A-Za-z-]+)$/.exec(value) ?? [];
    if (kind === undefined) return null;
    return kind === 'header' ? `header:${name!.toLowerCase()}` : value;
  })
    .prefault('authorization')
    .describe("Where the token is; 'authorization' is the Bearer scheme."),
  claimHeaders: z
    .record(
      z.string().regex(tokenPattern, { error: 'a header field name' }),
      z.string().min(1).describe('Name of the claim.'),
      {
        error: 'a map of header fields and claims',
      },
    )
    .prefault({})
    .describe('Fields that tell the peer a claim; those that clients send are removed.'),
  require: z
    .record(
      z.string().min(1),
      words('a list of values').describe('Values of which the claim must have one.'),
      {
        error: 'a map of claims and lists of values',
      },
    )
    .prefault({})
    .describe('Claims that a token must have, each with one of the values; else 403.'),
  forward: forward('the token'),
})
  .nullable()
  .prefault(null)
  .describe('JSON Web Tokens signed by somebody else; null for none.');

const forwardAuth = section({
  url: httpUrl("a URL such as 'http://127.0.0.1:9091/verify'").describe(
    'Who is asked; 2xx lets pass, any other answer goes to the client.',
  ),
  requestHeaders: fieldNames()
    .prefault(['authorization', 'cookie', 'user-agent', 'accept', 'accept-language'])
    .describe(
      'Request fields that it gets, besides X-Forwarded-Method, -Proto, -Host, -Uri and -For.',
    ),
  responseHeaders: fieldNames()
    .prefault(['remote-user', 'remote-groups', 'remote-name', 'remote-email'])
    .describe('Fields of its answer that the peer gets; those that clients send are removed.'),
  timeoutMs: duration({ min: 1, max: 60 * secondMs })
    .prefault('2s')
    .describe('Limit for its answer.'),
  cacheMs: duration({ min: 0, max: hourMs })
    .prefault(0)
    .describe('How long a good answer holds for the same request; 0: every request is asked for.'),
  failOpen: flag()
    .prefault(false)
    .describe('When it can not be asked: true lets everybody pass, false answers 503.'),
})
  .nullable()
  .prefault(null)
  .describe('Another server decides (auth_request, forwardAuth); null for none.');

const signedUrl = section({
  secrets: words('a list of secrets')
    .min(1, { error: 'at least one secret' })
    .describe('Secrets that sign; several while one is replaced.'),
  signatureParameter: parameter()
    .prefault('signature')
    .describe('Query parameter: base64url of the HMAC-SHA256 of the rest of the target.'),
  expiresParameter: parameter()
    .prefault('expires')
    .describe('Query parameter: end of the link in Unix seconds.'),
})
  .nullable()
  .prefault(null)
  .describe('Links with an end and a signature; null for none.');

/** Describes who may pass on a route. */
export const access = section({
  satisfy: choice(['all', 'any'])
    .prefault('all')
    .describe(
      "'all': everything given below must let a client pass; 'any': one of them is enough.",
    ),
  addresses: cidrs().prefault([]).describe('Clients that pass by their address.'),
  basic,
  apiKeys,
  jwt,
  forwardAuth,
  signedUrl,
})
  .nullable()
  .prefault(null)
  .describe('Who may pass (docs/access.md); null for everybody.');

const originError = "'*', or an origin such as 'https://app.example' or 'https://*.example'";

/** Describes which other origins may use a route. */
export const cors = section({
  origins: z
    .array(
      text(originError, (origin) =>
        origin === '*' || /^https?:\/\/(?:\*\.)?[a-z0-9.-]+(?::\d+)?$/i.test(origin)
          ? origin.toLowerCase()
          : null,
      ),
      { error: 'a list of origins' },
    )
    .min(1, { error: 'at least one origin' })
    .describe('Origins whose scripts may use this route.'),
  methods: z
    .array(
      text('a method', (method) => (tokenPattern.test(method) ? method : null)),
      {
        error: 'a list of methods',
      },
    )
    .prefault(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])
    .describe('Methods that they may use.'),
  headers: z
    .array(
      text("'*' or a field name", (name) => (tokenPattern.test(name) ? name.toLowerCase() : null)),
      {
        error: 'a list of header field names',
      },
    )
    .prefault(['content-type', 'authorization'])
    .describe("Request fields that they may send; '*' for any."),
  exposeHeaders: fieldNames().prefault([]).describe('Response fields that they may read.'),
  credentials: flag().prefault(false).describe("With cookies and the like; not together with '*'."),
  maxAgeMs: duration({ min: 0, max: 24 * hourMs })
    .prefault('10m')
    .describe('How long browsers may remember the answer to a preflight.'),
})
  .refine(({ origins, credentials }) => !credentials || !origins.includes('*'), {
    path: ['credentials'],
    error: "false while origins has '*': any site could act for your users",
  })
  .nullable()
  .prefault(null)
  .describe('Cross-origin resource sharing; null: peers see to it themselves.');

/** The effective settings of who may pass. */
export type AccessConfig = NonNullable<z.output<typeof access>>;
export type ClientsConfig = NonNullable<z.output<typeof clients>>;
export type CorsConfig = NonNullable<z.output<typeof cors>>;
