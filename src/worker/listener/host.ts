// Is this a Host header value? RFC 9110 section 7.2 with the host of RFC 3986 section 3.2.2.

import { isIPv6 } from 'node:net';

/**
 * A registered name or IPv4 address with an optional port. Commas are left out although the grammar has
 * them: they are what two Host fields joined by somebody else look like.
 */
const NAME = /^(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})+(?::([0-9]{0,5}))?$/;
const LITERAL = /^\[([0-9A-Fa-f:.]+)\](?::([0-9]{0,5}))?$/;

// Most clients of a worker name the same few hosts, most often the one before.
let lastGood = '';

/** Tells whether `host` is exactly one host with an optional port; the empty string is not. */
export function isHost(host: string): boolean {
  if (host === lastGood && host !== '') return true;
  if (!check(host)) return false;
  lastGood = host;
  return true;
}

function check(host: string): boolean {
  if (host.startsWith('[')) {
    const literal = LITERAL.exec(host);
    return literal !== null && isIPv6(literal[1]!) && isPort(literal[2]);
  }
  const name = NAME.exec(host);
  return name !== null && isPort(name[1]);
}

function isPort(digits: string | undefined): boolean {
  return digits === undefined || Number(digits) <= 65_535;
}
