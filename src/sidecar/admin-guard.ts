// Who may talk to the admin server. A page in a browser on this machine can reach 127.0.0.1 too, by
// cross-origin requests or by a name that it makes point here (DNS rebinding): both are told apart by
// what the browser has to send, Host and Origin.

import type { IncomingMessage } from 'node:http';

/**
 * Returns why a request is refused, or null. Host must be the configured admin host, localhost,
 * 127.0.0.1, [::1] or the very address the connection came in at (literal, so no name can be made to
 * match), each with the right port; Origin, when there is one, the same.
 */
export function refusal(request: IncomingMessage, adminHost: string): string | null {
  const { localAddress, localPort } = request.socket;
  if (localPort === undefined) return 'The connection is closed.';
  const hosts = new Set(
    [adminHost, 'localhost', '127.0.0.1', '::1', localAddress ?? ''].map(authorityHost),
  );
  const isOurs = (authority: string) => {
    const at = authority.lastIndexOf(':');
    const hasPort = at > authority.lastIndexOf(']');
    const host = hasPort ? authority.slice(0, at) : authority;
    const port = hasPort ? authority.slice(at + 1) : '80';
    return hosts.has(host.toLowerCase()) && port === String(localPort);
  };
  if (countOf(request, 'host') !== 1) return 'The request must name exactly one host.';
  if (!isOurs(request.headers.host ?? '')) return 'This host is not the admin address.';
  const origin = request.headers.origin;
  if (origin !== undefined) {
    if (!origin.startsWith('http://') || !isOurs(origin.slice('http://'.length))) {
      return 'Requests from other origins are refused.';
    }
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    return 'Requests from other sites are refused.';
  }
  return null;
}

/** The form an address takes in Host: IPv6 in brackets, IPv4 as itself even on a dual-stack socket. */
function authorityHost(address: string): string {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain.includes(':') && !plain.startsWith('[') ? `[${plain}]` : plain.toLowerCase();
}

function countOf(request: IncomingMessage, name: string): number {
  let count = 0;
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]!.toLowerCase() === name) count += 1;
  }
  return count;
}
