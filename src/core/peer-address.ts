// Where a peer listens, told from the URL by which the configuration names it.

/** `authority` is what goes into Host when the operator asks for the peer's own. */
export interface PeerAddress {
  readonly scheme: 'http' | 'https' | 'fastcgi';
  /** Without brackets; '' when it listens on a unix socket. */
  readonly hostname: string;
  readonly port: number;
  /** Path of its unix socket, or null. */
  readonly path: string | null;
  /** host[:port] with the port left out when it is the scheme's default. */
  readonly authority: string;
}

const DEFAULT_PORTS = { http: 80, https: 443, fastcgi: 9000 } as const;

/** Parses the URL of a peer, which was validated: `http://host:port`, `fastcgi+unix:/path` and the like. */
export function peerAddress(url: string): PeerAddress {
  const { protocol, hostname, port, host, pathname } = new URL(url);
  if (protocol === 'fastcgi+unix:') {
    const path = decodeURIComponent(pathname);
    return { scheme: 'fastcgi', hostname: '', port: 0, path, authority: 'localhost' };
  }
  const scheme = protocol === 'https:' ? 'https' : protocol === 'fastcgi:' ? 'fastcgi' : 'http';
  return {
    scheme,
    hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? DEFAULT_PORTS[scheme] : Number(port),
    path: null,
    authority: host,
  };
}
