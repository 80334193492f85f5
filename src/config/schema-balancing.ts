// The schema of what decides who gets an attempt: peers and where they come from, hashing, slow start,
// sticky sessions.

import { isIP } from 'node:net';
import * as z from 'zod';
import { isDnsName, readPeerUrl } from './addresses.ts';
import { atMost, choice, duration, flag, integer, section, shortForm, text } from './fields.ts';

const secondMs = 1000;
const hourMs = 3600 * secondMs;
const dayMs = 24 * hourMs;

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const zonePattern = /^[!-~]{1,200}$/;

/** Builds the name of a zone, null by default. */
export function zoneName() {
  return text("a name without spaces such as 'eu-west-1a', or null", (name) =>
    zonePattern.test(name) ? name : null,
  )
    .nullable()
    .prefault(null);
}

/** Builds a text 'word' or 'kind:NAME', where names of header fields become lower-case. */
export function requestPart(words: readonly string[], kinds: readonly string[]) {
  const forms = [...words.map((word) => `'${word}'`), ...kinds.map((kind) => `'${kind}:NAME'`)];
  return text(`one of ${forms.join(', ')}`, (value) => {
    if (words.includes(value)) return value;
    const colon = value.indexOf(':');
    const kind = value.slice(0, colon);
    const name = value.slice(colon + 1);
    if (colon === -1 || !kinds.includes(kind) || !tokenPattern.test(name)) return null;
    return kind === 'header' ? `${kind}:${name.toLowerCase()}` : value;
  });
}

const peerUrl = text(
  "a peer URL of scheme, host and port only, such as 'http://127.0.0.1:9001'",
  readPeerUrl,
).describe(
  "Where the peer listens: 'http://host:port', 'https://host', 'fastcgi://host:port' or 'fastcgi+unix:/path'.",
);

/** Describes one backend server as an object; the short form is its URL alone. */
export const peerObject = section({
  url: peerUrl,
  weight: integer({ min: 1, max: 1000 })
    .prefault(1)
    .describe('Share of the load relative to the other peers.'),
  priority: integer({ min: 0, max: 100 })
    .prefault(0)
    .describe('0 is used first; higher ones take over as lower ones become too few.'),
  backup: shortForm(
    flag().optional().describe('true: the same as priority 1, used when others are too few.'),
  ),
  connectionsMax: integer({ min: 0, max: 1_000_000 })
    .prefault(0)
    .describe('Most exchanges in flight on the peer, all workers together; 0 for no bound.'),
  zone: zoneName().describe('Where the peer is; compared with the zone of this proxy.'),
  draining: flag()
    .prefault(false)
    .describe('true: no new work; sessions that belong to the peer go on.'),
});

const peer = z
  .union([peerUrl, peerObject], { error: 'a peer URL, or an object with url and weight' })
  .transform((value) => completePeer(typeof value === 'string' ? { url: value } : value))
  .describe('One backend server.');

/** Describes one backend server, written as an object. */
export const peerSettings = peerObject.transform((value) => completePeer(value));

type PeerDraft = { url: string } & Partial<z.output<typeof peerObject>>;

function completePeer({ url, weight, priority, connectionsMax, zone, draining }: PeerDraft) {
  return {
    url,
    weight: weight ?? 1,
    priority: priority ?? 0,
    connectionsMax: connectionsMax ?? 0,
    zone: zone ?? null,
    draining: draining ?? false,
  };
}

/** Describes the peers of an upstream that stand in the configuration. */
export const peers = z
  .array(peer, { error: 'a list of peers' })
  .max(10_000, { error: 'at most 10000 peers' })
  .prefault([])
  .describe('The backend servers of this upstream; may be empty with discovery.');

/** Describes where further peers come from. */
export const discovery = section({
  dns: text("'app.internal', 'app.internal:8080', 'srv:_http._tcp.app.internal', or null", readDns)
    .nullable()
    .prefault(null)
    .describe(
      "DNS name whose addresses are peers: 'host:port' (A and AAAA) or 'srv:_service._proto.name'.",
    ),
  scheme: choice(['http', 'https'])
    .prefault('http')
    .describe('How peers found by DNS are spoken to.'),
  servers: z
    .array(text("an address such as '10.0.0.53' or '[fd00::53]:5353'", readServer), {
      error: 'a list of name servers',
    })
    .max(16, { error: 'at most 16 name servers' })
    .prefault([])
    .describe("Name servers to ask for 'dns'; none for those of the system."),
  file: z
    .string({ error: 'the path of a JSON or YAML file, or null' })
    .min(1, { error: 'the path of a JSON or YAML file, or null' })
    .nullable()
    .prefault(null)
    .describe('Watched file with a list of peers, in JSON or YAML, written as here.'),
  ttlMinMs: duration({ min: 1, max: dayMs })
    .prefault('1s')
    .describe('Shortest time between two resolutions, whatever the TTL says.'),
  ttlMaxMs: duration({ min: 1, max: dayMs })
    .prefault('60s')
    .describe('Longest time between two resolutions, whatever the TTL says.'),
})
  .check(atMost('ttlMinMs', 'ttlMaxMs'))
  .transform((value) => ({ ...value, dns: withPort(value.dns, value.scheme) }))
  .prefault({})
  .describe('Peers besides those of the list, found while Sluice runs.');

/** Describes which part of a request is hashed, and how a peer is found by it. */
export const hash = section({
  table: choice(['ring', 'maglev'])
    .prefault('ring')
    .describe("'ring' moves the fewest keys when peers change, 'maglev' spreads them most evenly."),
  key: requestPart(['address', 'path'], ['header', 'cookie', 'query'])
    .prefault('address')
    .describe("'address', 'path', 'header:NAME', 'cookie:NAME' or 'query:NAME'."),
})
  .prefault({})
  .describe("What the balancer 'hash' goes by.");

/** Describes how a recovered peer is brought back to its full share. */
export const slowStart = section({
  windowMs: duration({ min: 0, max: dayMs })
    .prefault('30s')
    .describe('A peer that recovers reaches its full weight after this; 0 for at once.'),
  floorPercent: integer({ min: 1, max: 100 })
    .prefault(10)
    .describe('Share of its weight that it begins with, in percent.'),
})
  .prefault({})
  .describe('Recovered peers get their share little by little; not at boot.');

/** Describes how a client is kept on one peer. */
export const sticky = section({
  by: choice(['off', 'cookie', 'header', 'learned-cookie'])
    .prefault('off')
    .describe("'cookie': set by Sluice; 'learned-cookie': set by the application; 'header': sent."),
  name: text("a name such as 'sluice'", (name) => (tokenPattern.test(name) ? name : null))
    .prefault('sluice')
    .describe('Name of the cookie or header field.'),
  ttlMs: duration({ min: secondMs, max: 365 * dayMs })
    .prefault('10m')
    .describe('A session that is not used for so long is forgotten.'),
  entriesMax: integer({ min: 1, max: 10_000_000 })
    .prefault(100_000)
    .describe('Sessions remembered for header and learned-cookie; then the oldest is forgotten.'),
  secret: text('at least 16 characters, or null', (value) => (value.length >= 16 ? value : null))
    .nullable()
    .prefault(null)
    .describe('Key that signs the cookie, the same on every host; null for one made at the start.'),
})
  .prefault({})
  .describe('Keeps a client on the same peer.');

/** Reads 'name', 'name:port' or 'srv:_service._proto.name'. */
function readDns(written: string): string | null {
  const value = written.toLowerCase();
  if (value.startsWith('srv:')) return isDnsName(value.slice(4)) ? value : null;
  const [, name = '', port] = /^([^:]*)(?::(\d{1,5}))?$/.exec(value) ?? [];
  if (!isDnsName(name) || isIP(name) !== 0) return null;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return null;
  return value;
}

/** Reads the address of a name server, with or without a port (brackets around IPv6 with one). */
function readServer(written: string): string | null {
  if (isIP(written) !== 0) return written.toLowerCase();
  const [, v6, v4 = '', port = ''] = /^(?:\[([^\]]*)\]|([\d.]+)):(\d{1,5})$/.exec(written) ?? [];
  const isAddress = v6 === undefined ? isIP(v4) === 4 : isIP(v6) === 6;
  if (!isAddress || Number(port) < 1 || Number(port) > 65535) return null;
  return written.toLowerCase();
}

function withPort(dns: string | null, scheme: 'http' | 'https'): string | null {
  if (dns === null || dns.includes(':')) return dns;
  return `${dns}:${scheme === 'https' ? 443 : 80}`;
}
