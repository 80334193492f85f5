// The text of an error page for one request: its variables are replaced, escaped as its media type wants it,
// so that nothing that a client says becomes markup. Braces that are no variable stay as they are: pages are
// full of them.
//
//   {status} {reason}                                            404, Not Found
//   {request_id} {host} {hostname} {path} {method} {scheme} {client}    of the request

import { STATUS_CODES } from 'node:http';
import type { Exchange } from '../../../core/exchange.ts';
import { compileTemplate, type Template } from '../../../routing/template.ts';

const OF_THE_REQUEST = ['request_id', 'host', 'hostname', 'path', 'method', 'scheme', 'client'];
const VARIABLE = new RegExp(`\\{(status|reason|${OF_THE_REQUEST.join('|')})\\}`);

type Escape = (value: string) => string;

export class PageText {
  readonly #escape: Escape;
  /** The page that `#parts` were made of: files change. */
  #page: Uint8Array | null = null;
  /** By turns what stands in the page, and the name of a variable. */
  #parts: readonly string[] = [];

  constructor(contentType: string) {
    this.#escape = escapeFor(contentType);
  }

  /** Returns the page for a status. Its texts are bytes, as are those of the request. */
  render(page: Uint8Array, exchange: Exchange, status: number): Uint8Array {
    if (page !== this.#page) {
      this.#page = page;
      const { buffer, byteOffset, byteLength } = page;
      this.#parts = Buffer.from(buffer, byteOffset, byteLength).toString('latin1').split(VARIABLE);
    }
    let text = '';
    for (const [at, part] of this.#parts.entries()) {
      text += at % 2 === 0 ? part : this.#escape(variable(part, exchange, status));
    }
    return Buffer.from(text, 'latin1');
  }
}

const templates = new Map<string, Template>(
  OF_THE_REQUEST.map((name) => [name, compileTemplate(`{${name}}`)]),
);

function variable(name: string, exchange: Exchange, status: number): string {
  if (name === 'status') return String(status);
  if (name === 'reason') return STATUS_CODES[status] ?? '';
  return templates.get(name)!(exchange);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup by entities, JSON as inside of quotes, and of anything else no control bytes. */
function escapeFor(contentType: string): Escape {
  const type = contentType.toLowerCase();
  if (/\b(?:html|xml)\b/.test(type)) {
    return (value) => value.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
  }
  if (/\bjson\b/.test(type)) return (value) => JSON.stringify(value).slice(1, -1);
  return (value) => value.replaceAll(/[\x00-\x1f\x7f]/g, ' ');
}
