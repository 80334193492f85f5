// The stage that replaces in bodies as they pass. What is no whole text of the right kind passes as it is.

import type { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { ResponseStage } from '../../../core/filter.ts';
import { headerValue, type RawHeaders } from '../../../core/headers.ts';
import { changedBodyFields, hasWholeBody } from '../../../core/response-body.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import { BoundedRegex } from '../../../routing/bounded-regex.ts';
import { compileTemplate, type Template } from '../../../routing/template.ts';
import { type AttributeRule, attributeText, HtmlReplacer } from './html-replacer.ts';
import { RegexReplacer, type Replacer, ReplacerChain, TextReplacer } from './replacer.ts';

interface TextRule {
  readonly from: string;
  readonly to: string;
}
interface RegexRule {
  readonly regex: string;
  readonly to: string;
}
interface HtmlRule extends TextRule {
  readonly tags: readonly string[];
  readonly attributes: readonly string[];
}

export interface ReplaceBodySettings {
  /** Media types, `text/*` for a family. */
  readonly types: readonly string[];
  readonly html: readonly HtmlRule[];
  readonly text: readonly TextRule[];
  readonly regex: readonly RegexRule[];
}

/** Gives `next` the decoded body; null when that is not possible. Settles the fields of the response. */
export type Decode = (exchange: Exchange, next: Sink) => Sink | null;

export class ReplaceBody implements ResponseStage {
  readonly name = 'replace-body';
  readonly #types: ReadonlySet<string>;
  readonly #regexes: readonly { readonly regex: BoundedRegex; readonly to: Template }[];
  readonly #texts: readonly { readonly from: string; readonly to: Template }[];
  readonly #html: readonly (Omit<AttributeRule, 'to'> & { readonly to: Template })[];
  readonly #decode: Decode;

  constructor(settings: ReplaceBodySettings, decode: Decode) {
    this.#decode = decode;
    this.#types = new Set(settings.types.map((type) => type.toLowerCase()));
    this.#regexes = settings.regex.map(({ regex, to }) => ({
      regex: new BoundedRegex(regex),
      to: compileTemplate(to),
    }));
    this.#texts = settings.text.map(({ from, to }) => ({
      from: octets(from),
      to: compileTemplate(to),
    }));
    this.#html = settings.html.map(({ tags, attributes, from, to }) => ({
      tags: new Set(tags.map((tag) => tag.toLowerCase())),
      attributes: new Set(attributes.map((name) => name.toLowerCase())),
      from: octets(from),
      to: compileTemplate(to),
    }));
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const type = mediaType(exchange.responseHeaders);
    if (!hasWholeBody(exchange) || !this.#isWanted(type)) return next;
    const replacer = this.#replacerFor(exchange, type);
    if (replacer === null) return next;
    const sink: Sink = exchange.method === 'HEAD' ? next : new ReplacedBody(next, replacer);
    const coding = headerValue(exchange.responseHeaders, 'content-encoding');
    const isPlain = coding === undefined || coding.trim().toLowerCase() === 'identity';
    const outer = isPlain ? sink : this.#decode(exchange, sink);
    if (outer === null) return next;
    exchange.responseHeaders = changedBodyFields(exchange.responseHeaders);
    exchange.responseByteLength = -1;
    return outer;
  }

  #isWanted(type: string): boolean {
    return this.#types.has(type) || this.#types.has(`${type.slice(0, type.indexOf('/'))}/*`);
  }

  #replacerFor(exchange: Exchange, type: string): Replacer | null {
    const replacers: Replacer[] = [];
    if (this.#html.length > 0 && type === 'text/html') {
      const rules = this.#html.map((rule) => ({ ...rule, to: attributeText(rule.to(exchange)) }));
      replacers.push(new HtmlReplacer(rules));
    }
    if (this.#texts.length > 0) {
      replacers.push(
        new TextReplacer(this.#texts.map(({ from, to }) => ({ from, to: to(exchange) }))),
      );
    }
    for (const { regex, to } of this.#regexes) {
      replacers.push(new RegexReplacer(regex, (groups) => to(exchange, groups)));
    }
    if (replacers.length === 0) return null;
    return replacers.length === 1 ? replacers[0]! : new ReplacerChain(replacers);
  }
}

/** Replaces on the way; holds back no more than its replacer does. */
class ReplacedBody implements Sink {
  readonly #next: Sink;
  readonly #replacer: Replacer;

  constructor(next: Sink, replacer: Replacer) {
    this.#next = next;
    this.#replacer = replacer;
  }

  start(source: Source): void {
    this.#next.start(source);
  }

  write(chunk: Uint8Array): boolean {
    const { buffer, byteOffset, byteLength } = chunk;
    const text = Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
    const replaced = this.#replacer.push(text);
    return replaced === '' ? true : this.#next.write(Buffer.from(replaced, 'latin1'));
  }

  end(): void {
    const rest = this.#replacer.finish();
    if (rest !== '') this.#next.write(Buffer.from(rest, 'latin1'));
    this.#next.end();
  }

  fail(error: ProxyError): void {
    this.#next.fail(error);
  }
}

function mediaType(headers: RawHeaders): string {
  const value = headerValue(headers, 'content-type') ?? '';
  const semicolon = value.indexOf(';');
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase();
}

function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
