// The parameters of a request (RFC 3875 section 4.1) as nginx and Caddy set them.

import type { Exchange } from '../../../core/exchange.ts';
import type { ScriptOptions } from './options.ts';
import type { Script } from './script.ts';

/** Names that CGI variables can tell apart: `X_Forwarded_For` would pass for `X-Forwarded-For`. */
const DISTINCT_NAME = /^[a-z0-9-]+$/;

/** Returns name, value, name, value…; `bodyBytes` is the length of the request body, -1 for none. */
export function paramsOf(
  exchange: Exchange,
  script: Script,
  options: ScriptOptions,
  bodyBytes: number,
): string[] {
  const { method, target, entry } = exchange;
  const isHttps = exchange.scheme === 'https';
  const port = portOf(exchange.host) ?? entry.port;
  const fields = headerParams(exchange);
  const params = [
    ...['GATEWAY_INTERFACE', 'CGI/1.1', 'SERVER_SOFTWARE', 'sluice', 'SERVER_PROTOCOL', 'HTTP/1.1'],
    ...['REQUEST_METHOD', method, 'REQUEST_URI', target, 'QUERY_STRING', script.query],
    ...['SCRIPT_NAME', script.name, 'SCRIPT_FILENAME', options.root + script.name],
    ...['DOCUMENT_URI', script.name + script.pathInfo, 'DOCUMENT_ROOT', options.root],
    ...['REMOTE_ADDR', exchange.clientAddress, 'REMOTE_PORT', ''],
    ...['SERVER_NAME', nameOf(exchange.host), 'SERVER_PORT', String(port)],
    ...['REQUEST_SCHEME', isHttps ? 'https' : 'http'],
    // PHP built for it refuses to run as a script that somebody asked for by itself.
    ...['REDIRECT_STATUS', '200'],
    ...['CONTENT_TYPE', fields.contentType, 'CONTENT_LENGTH', bodyBytes < 0 ? '' : `${bodyBytes}`],
    ...fields.params,
  ];
  if (isHttps) params.push('HTTPS', 'on');
  if (script.pathInfo !== '') {
    params.push('PATH_INFO', script.pathInfo);
    params.push('PATH_TRANSLATED', options.root + script.pathInfo);
  }
  // Of two with one name applications take the last.
  params.push(...options.params);
  return params;
}

/** The fields of the request as `HTTP_` parameters; several of one name become one. */
function headerParams({ requestHeaders, host }: Exchange) {
  const byName = new Map([['HTTP_HOST', host]]);
  let contentType = '';
  for (let at = 0; at < requestHeaders.length; at += 2) {
    const name = requestHeaders[at]!;
    const value = requestHeaders[at + 1]!;
    if (name === 'content-type') contentType = value;
    // `Proxy` would become HTTP_PROXY, by which clients of the application find theirs ("httpoxy").
    if (name === 'content-type' || name === 'proxy' || !DISTINCT_NAME.test(name)) continue;
    const param = `HTTP_${name.toUpperCase().replaceAll('-', '_')}`;
    const before = byName.get(param);
    const glue = name === 'cookie' ? '; ' : ', ';
    byName.set(param, before === undefined ? value : before + glue + value);
  }
  return { contentType, params: [...byName].flat() };
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, '');
}

function portOf(host: string): number | null {
  const [, port] = /:(\d{1,5})$/.exec(host) ?? [];
  return port === undefined ? null : Number(port);
}
