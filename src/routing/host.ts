// The Host header as routing sees it: lower-case, without port and trailing dot.

/** Returns the comparable form of a Host header value, e.g. `Example.COM.:8080` → `example.com`. */
export function normalHost(host: string): string {
  let end = host.length;
  if (host.charCodeAt(0) === 0x5b) {
    const bracket = host.indexOf(']');
    if (bracket !== -1) end = bracket + 1;
  } else {
    const colon = host.indexOf(':');
    if (colon !== -1) end = colon;
    if (end > 1 && host.charCodeAt(end - 1) === 0x2e) end -= 1;
  }
  for (let at = 0; at < end; at++) {
    const code = host.charCodeAt(at);
    if (code >= 0x41 && code <= 0x5a) return host.slice(0, end).toLowerCase();
  }
  return end === host.length ? host : host.slice(0, end);
}
