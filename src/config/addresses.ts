// The texts of a configuration that name hosts, addresses and paths: each reader returns the canonical
// form, or null when the text is not one.

import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

const labelPattern = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * Reads 'http://host:port', 'https://host[:port]', 'fastcgi://host:port' or 'fastcgi+unix:/path'; returns
 * it as an origin (default port left out).
 */
export function readPeerUrl(text: string): string | null {
  if (/^fastcgi\+unix:/i.test(text)) {
    const path = text.slice('fastcgi+unix:'.length);
    return /^\/[\w./@:+-]{1,106}$/.test(path) ? `fastcgi+unix:${path}` : null;
  }
  if (/^fastcgi:/i.test(text)) {
    const asHttp = readPeerUrl(text.replace(/^fastcgi/i, 'http'));
    return asHttp === null || !/:\d+$/.test(asHttp) ? null : asHttp.replace('http', 'fastcgi');
  }
  if (!/^https?:\/\/[^/?#@%\s\\]+\/?$/i.test(text)) return null;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  if (url.port === '0' || url.username !== '' || url.password !== '') return null;
  const host = url.hostname;
  if (!(host.startsWith('[') ? isIPv6(host.slice(1, -1)) : isIP(host) === 4 || isDnsName(host))) {
    return null;
  }
  return url.origin;
}

/** Tells whether `name` is a lower-case DNS name in ASCII without a trailing dot. */
export function isDnsName(name: string): boolean {
  if (name.length === 0 || name.length > 253) return false;
  return name.split('.').every((label) => labelPattern.test(label));
}

/**
 * Reads a host pattern: 'example.com', '*.example.com' or '[::1]'. Lower-cases, turns international
 * names into their ASCII form.
 */
export function readHostPattern(text: string): string | null {
  const isWildcard = text.startsWith('*.');
  const name = isWildcard ? text.slice(2) : text;
  if (name.startsWith('[')) {
    return !isWildcard && name.endsWith(']') && isIPv6(name.slice(1, -1))
      ? canonicalIPv6(name)
      : null;
  }
  const ascii = toAscii(name);
  if (!isDnsName(ascii) || (isWildcard && isIP(ascii) !== 0)) return null;
  return isWildcard ? `*.${ascii}` : ascii;
}

/** Reads '/exact', '/prefix/*' or '/users/:id'; the star stands only at the end, names only once. */
export function readPathPattern(text: string): string | null {
  if (!/^\/[!-~]*$/.test(text) || /[?#]/.test(text)) return null;
  const names = text.split('/').filter((segment) => segment.startsWith(':'));
  if (new Set(names).size < names.length) return null;
  if (names.some((name) => !/^:[A-Za-z_][A-Za-z0-9_]*$/.test(name))) return null;
  const star = text.indexOf('*');
  if (star === -1) return text;
  return star === text.length - 1 && text.endsWith('/*') ? text : null;
}

/** Reads an IP address or a CIDR block: '10.0.0.0/8', '::1'. Lower-case; bits beyond the prefix refuse. */
export function readCidr(text: string): string | null {
  const [address = '', bits, ...rest] = text.toLowerCase().split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return null;
  if (bits === undefined) return address;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128)) return null;
  return `${address}/${Number(bits)}`;
}

/** Reads an address to listen on: an IPv4 or IPv6 address (brackets allowed) or a host name. */
export function readListenHost(text: string): string | null {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (isIP(bare) !== 0) return bare.toLowerCase();
  const name = bare.toLowerCase();
  return bare === text && isDnsName(name) && !/^[\d.]+$/.test(name) ? name : null;
}

/** Reads 'client', 'peer' or a literal host[:port] for the Host field. */
export function readHostHeader(text: string): string | null {
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return null;
  const name = host.startsWith('*') ? null : readHostPattern(host);
  return name === null ? null : port === undefined ? name : `${name}:${Number(port)}`;
}

/** Turns an international name into its ASCII form; '' when it has none. */
function toAscii(name: string): string {
  if (/^[\x21-\x7e]*$/.test(name)) return name.toLowerCase();
  // domainToASCII drops line breaks and decodes percent signs in silence.
  return /[\x00-\x20\x7f%]/.test(name) ? '' : domainToASCII(name);
}

function canonicalIPv6(bracketed: string): string {
  return new URL(`http://${bracketed}`).hostname;
}
