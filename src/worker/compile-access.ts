// Makes the filters that ask who a client is out of a route's settings.

import { readFile } from 'node:fs/promises';
import { readCidr } from '../config/addresses.ts';
import type { RouteConfig } from '../config/schema.ts';
import type { AccessConfig } from '../config/schema-access.ts';
import { AddressSet } from '../std/address-set.ts';
import { WatchedText } from '../std/watched-text.ts';
import { ApiKeyCheck } from './filter/access/api-key.ts';
import { Asker } from './filter/access/ask.ts';
import { BasicCheck, parseHtpasswd, type Users } from './filter/access/basic.ts';
import { type AccessCheck, AccessFilter } from './filter/access/check.ts';
import { AddressCheck, type Addresses, ClientsFilter } from './filter/access/clients.ts';
import { Cors } from './filter/access/cors.ts';
import { ForwardAuthCheck } from './filter/access/forward-auth.ts';
import { JwtCheck } from './filter/access/jwt.ts';
import { SignedUrlCheck } from './filter/access/signed-url.ts';
import { RefreshedTokenKeys } from './filter/access/token-keys.ts';
import type { RouteContext } from './route-context.ts';

const JWKS_TIMEOUT_MS = 5000;
const JWKS_BYTES_MAX = 1024 * 1024;

/** Returns the filter by addresses, or null. Throws an Error when a file can't be read. */
export function compileClients(
  { clients }: RouteConfig,
  context: RouteContext,
): ClientsFilter | null {
  if (clients === null) return null;
  const { allow, allowFile, deny, denyFile } = clients;
  return new ClientsFilter({
    allow: addresses(allow, allowFile, context),
    deny: addresses(deny, denyFile, context),
  });
}

/** Returns what answers preflights and marks responses, or null. */
export function compileCors({ cors }: RouteConfig): Cors | null {
  return cors === null
    ? null
    : new Cors({ ...cors, maxAgeSeconds: Math.floor(cors.maxAgeMs / 1000) });
}

/** Returns the filter that asks for credentials, or null. Throws an Error when a file can't be read. */
export function compileAccess({ access }: RouteConfig, context: RouteContext): AccessFilter | null {
  if (access === null) return null;
  // By cost: what is known here, what takes a computation, who else has to be asked.
  const checks: (AccessCheck | null)[] = [
    access.addresses.length === 0 ? null : new AddressCheck(new AddressSet(access.addresses)),
    signedUrlCheck(access),
    apiKeyCheck(access),
    jwtCheck(access, context),
    basicCheck(access, context),
    forwardAuthCheck(access, context),
  ];
  const reserved = [
    ...Object.keys(access.jwt?.claimHeaders ?? {}).map((name) => name.toLowerCase()),
    ...(access.forwardAuth?.responseHeaders ?? []),
  ];
  return new AccessFilter({
    checks: checks.filter((check) => check !== null),
    satisfy: access.satisfy,
    reserved: new Set(reserved),
  });
}

function addresses(
  fixed: readonly string[],
  path: string | null,
  { kept, events }: RouteContext,
): Addresses | null {
  if (path === null) return fixed.length === 0 ? null : new AddressSet(fixed);
  const own = new AddressSet(fixed);
  const watched = kept.get(
    `addresses ${path}`,
    () =>
      new WatchedText({
        path,
        parse: parseAddresses,
        onProblem: (detail) => events.error({ detail }, 'the old list of addresses stays'),
      }),
  );
  return { has: (address) => own.has(address) || watched.value.has(address) };
}

function parseAddresses(text: string): AddressSet {
  const cidrs: string[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const written = line.replace(/#.*/, '').trim();
    if (written === '') continue;
    const cidr = readCidr(written);
    if (cidr === null) throw new Error(`line ${at + 1}: expected an address or CIDR block`);
    cidrs.push(cidr);
  }
  return new AddressSet(cidrs);
}

function signedUrlCheck({ signedUrl }: AccessConfig): AccessCheck | null {
  return signedUrl === null ? null : new SignedUrlCheck({ ...signedUrl, nowMs: Date.now });
}

function apiKeyCheck({ apiKeys }: AccessConfig): AccessCheck | null {
  if (apiKeys === null) return null;
  const { header, query, keys, forward } = apiKeys;
  const names = new Map(Object.entries(keys).map(([name, hash]) => [hash, name]));
  return new ApiKeyCheck({ header, query, names, forwards: forward });
}

function basicCheck({ basic }: AccessConfig, context: RouteContext): AccessCheck | null {
  if (basic === null) return null;
  const { realm, file, users, forward } = basic;
  const fixed = parseHtpasswd(
    Object.entries(users)
      .map(([name, hash]) => `${name}:${hash}`)
      .join('\n'),
  );
  return new BasicCheck({
    realm,
    users: usersOf(fixed, file, context),
    offload: context.offload,
    forwards: forward,
    nowMs: Date.now,
  });
}

function usersOf(
  fixed: ReadonlyMap<string, string>,
  path: string | null,
  { kept, events }: RouteContext,
): Users {
  if (path === null) return { version: 1, hashOf: (user) => fixed.get(user) };
  const watched = kept.get(
    `htpasswd ${path}`,
    () =>
      new WatchedText({
        path,
        parse: parseHtpasswd,
        onProblem: (detail) => events.error({ detail }, 'the old passwords stay'),
      }),
  );
  return {
    get version() {
      return watched.version;
    },
    hashOf: (user) => fixed.get(user) ?? watched.value.get(user),
  };
}

function jwtCheck({ jwt }: AccessConfig, context: RouteContext): AccessCheck | null {
  if (jwt === null) return null;
  const { jwks, claimHeaders, forward } = jwt;
  const keys = context.kept.get(`jwks ${jwks}`, () => tokenKeys(jwks, context));
  const lowered = Object.entries(claimHeaders).map(([name, claim]) => [name.toLowerCase(), claim]);
  return new JwtCheck({
    ...jwt,
    keys,
    claimHeaders: Object.fromEntries(lowered),
    forwards: forward,
    nowMs: Date.now,
  });
}

function tokenKeys(jwks: string, context: RouteContext): RefreshedTokenKeys {
  const isRemote = /^https?:/.test(jwks);
  const asker = askerOf(context);
  const question = { method: 'GET', headers: [], timeoutMs: JWKS_TIMEOUT_MS };
  const fetched = async () => {
    const answer = await asker.ask({ url: jwks, ...question, bodyBytesMax: JWKS_BYTES_MAX });
    if (answer.status !== 200) throw new Error(`${jwks} answered ${answer.status}`);
    return answer.body.toString('utf8');
  };
  return new RefreshedTokenKeys({
    load: isRemote ? fetched : () => readFile(jwks, 'utf8'),
    isRemote,
    onProblem: (detail) => context.events.error({ jwks, detail }, 'no new keys for tokens'),
  });
}

function forwardAuthCheck(
  { forwardAuth }: AccessConfig,
  context: RouteContext,
): AccessCheck | null {
  if (forwardAuth === null) return null;
  return new ForwardAuthCheck({ ...forwardAuth, asker: askerOf(context), nowMs: Date.now });
}

function askerOf({ kept }: RouteContext): Asker {
  return kept.get('asker', () => new Asker());
}
