// What a peer says about its own address is turned into what the client sees: Location, Content-Location,
// Refresh, and domain and path of cookies.

import type { Exchange } from '../../../core/exchange.ts';
import type { ResponseStage } from '../../../core/filter.ts';
import type { Sink } from '../../../core/sink.ts';
import { withoutPrefix } from './rewrite-target.ts';

export interface MapBackSettings {
  /** Origins of the peers, e.g. `http://127.0.0.1:9001`, as URL.origin writes them. */
  readonly origins: ReadonlySet<string>;
  /** Map URLs and cookie paths. */
  readonly location: boolean;
  readonly stripPrefix: string | null;
  readonly addPrefix: string | null;
  /** The peer's domain, lower-case, and the client's; '' takes the attribute away. */
  readonly cookieDomain: Readonly<Record<string, string>>;
  /** How the path begins at the peer, and at the client. */
  readonly cookiePath: Readonly<Record<string, string>>;
}

const ABSOLUTE = /^(https?):\/\/([^/?#\\\s]*)(.*)$/is;
const REFRESH = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^"']*)(.*)$/is;

export class MapBack implements ResponseStage {
  readonly name = 'map-back';
  readonly #settings: MapBackSettings;

  constructor(settings: MapBackSettings) {
    this.#settings = settings;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const { responseHeaders } = exchange;
    for (let at = 0; at < responseHeaders.length; at += 2) {
      const mapped = this.#map(responseHeaders[at]!, responseHeaders[at + 1]!, exchange);
      if (mapped === responseHeaders[at + 1]) continue;
      // The list may be somebody else's as well (the cache's).
      if (exchange.responseHeaders === responseHeaders) {
        exchange.responseHeaders = responseHeaders.slice();
      }
      exchange.responseHeaders[at + 1] = mapped;
    }
    return next;
  }

  #map(name: string, value: string, exchange: Exchange): string {
    if (name === 'set-cookie') return this.#mapCookie(value);
    if (!this.#settings.location) return value;
    if (name === 'location' || name === 'content-location') return this.#mapUrl(value, exchange);
    if (name !== 'refresh') return value;
    const parts = REFRESH.exec(value);
    if (parts === null) return value;
    const [, delay, quote, url, rest] = parts;
    return `${delay}${quote}${this.#mapUrl(url!, exchange)}${rest}`;
  }

  #mapUrl(url: string, exchange: Exchange): string {
    const absolute = ABSOLUTE.exec(url);
    if (absolute === null) {
      if (url.startsWith('//')) return url;
      return url.startsWith('/') ? this.#mapPath(url) : url;
    }
    const [, scheme, authority, rest] = absolute;
    const path = rest!.startsWith('/') ? rest! : `/${rest}`;
    if (authority!.toLowerCase() === exchange.host.toLowerCase()) {
      return `${scheme}://${authority}${this.#mapPath(path)}`;
    }
    if (!this.#settings.origins.has(originOf(scheme!, authority!))) return url;
    return `${exchange.scheme}://${exchange.host}${this.#mapPath(path)}`;
  }

  /** The way back: what was added goes, what was stripped comes again. */
  #mapPath(path: string): string {
    const { stripPrefix, addPrefix } = this.#settings;
    if (addPrefix !== null && withoutPrefix(path, addPrefix) === path) return path;
    return (stripPrefix ?? '') + withoutPrefix(path, addPrefix ?? '');
  }

  #mapCookie(cookie: string): string {
    if (!cookie.includes(';')) return cookie;
    const [pair, ...attributes] = cookie.split(';');
    const mapped: string[] = [];
    for (const attribute of attributes) {
      const equals = attribute.indexOf('=');
      const name = attribute
        .slice(0, equals === -1 ? undefined : equals)
        .trim()
        .toLowerCase();
      const value = equals === -1 ? '' : attribute.slice(equals + 1).trim();
      if (name === 'domain') {
        const domain = this.#mapDomain(value);
        if (domain === value) mapped.push(attribute);
        else if (domain !== '') mapped.push(` Domain=${domain}`);
      } else if (name === 'path') {
        const path = this.#mapCookiePath(value);
        mapped.push(path === value ? attribute : ` Path=${path}`);
      } else {
        mapped.push(attribute);
      }
    }
    return [pair, ...mapped].join(';');
  }

  #mapDomain(domain: string): string {
    const name = domain.toLowerCase().replace(/^\./, '');
    return this.#settings.cookieDomain[name] ?? domain;
  }

  #mapCookiePath(path: string): string {
    for (const [from, to] of Object.entries(this.#settings.cookiePath)) {
      if (path.startsWith(from)) return to + path.slice(from.length);
    }
    return this.#settings.location && path.startsWith('/') ? this.#mapPath(path) : path;
  }
}

/** As URL.origin writes it, where that is possible. */
function originOf(scheme: string, authority: string): string {
  try {
    return new URL(`${scheme}://${authority}`).origin;
  } catch {
    return '';
  }
}
