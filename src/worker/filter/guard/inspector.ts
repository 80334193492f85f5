// Looks a request over for common attacks. `Inspector` is the seam for another engine: what it finds is a
// score and names, what comes of that is attack-filter.ts's business.

import type { Exchange } from '../../../core/exchange.ts';
import { headerValue, type RawHeaders } from '../../../core/headers.ts';
import type { AttackRule, RulePlace } from './attack-rules.ts';
import { multipartTexts } from './multipart.ts';
import { BETWEEN, plainForm, plainJson, plainText } from './plain-text.ts';

export interface Finding {
  readonly score: number;
  /** Of the rules that apply, in their order. */
  readonly rules: readonly string[];
}

export interface Inspector {
  /** Whether it wants to see the beginning of a body that comes with these fields. */
  readsBody(headers: RawHeaders): boolean;
  /** `body`: its first bytes, empty without one. Returns null when nothing is suspicious; never throws. */
  inspect(exchange: Exchange, body: Uint8Array): Finding | null;
}

/** Without any of this no rule can apply: most of what honest clients send. */
const SUSPECT = /[^\w\x01=.,-]|\.\.|__|ro0ab|169\.254|class\.|document\.|allow_url|auto_prepend/;
const AGENT_SUSPECT = /[<'"`${}\\\x00|]|\( ?\)|\.\.[/\\]|union|document\./;
/** Fields of a strict form of their own, that applications do not take for input. */
const OWN_FORM =
  /^(?:accept|sec-|if-|content-|cookie$|user-agent$|authorization$|host$|connection$|date$|upgrade|x-forwarded-|traceparent$|range$|cache-control$|pragma$|te$|dnt$|priority$|forwarded$|via$)/;

export class RuleInspector implements Inspector {
  readonly #rules: Readonly<Record<RulePlace, readonly AttackRule[]>>;

  constructor(rules: readonly AttackRule[]) {
    const at = (place: RulePlace) => rules.filter(({ places }) => places.includes(place));
    this.#rules = {
      path: at('path'),
      input: at('input'),
      fields: at('fields'),
      agent: at('agent'),
    };
  }

  readsBody(headers: RawHeaders): boolean {
    const isEncoded = headerValue(headers, 'content-encoding') !== undefined;
    return !isEncoded && kindOfBody(typeOf(headers)) !== null;
  }

  inspect(exchange: Exchange, body: Uint8Array): Finding | null {
    const { target, requestHeaders } = exchange;
    const found = new Set<AttackRule>();
    const query = target.indexOf('?');
    this.#look('path', plainText(query === -1 ? target : target.slice(0, query)), found);
    if (query !== -1) this.#lookIfSuspect(plainForm(target.slice(query + 1)), found);
    this.#lookAtFields(requestHeaders, found);
    if (body.length > 0) this.#lookIfSuspect(bodyText(requestHeaders, body), found);
    if (found.size === 0) return null;
    let score = 0;
    for (const one of found) score += one.score;
    return { score, rules: [...found].map(({ name }) => name) };
  }

  #lookAtFields(headers: RawHeaders, found: Set<AttackRule>): void {
    let others = '';
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      const value = headers[at + 1]!;
      if (name === 'user-agent') {
        const text = plainText(value);
        if (AGENT_SUSPECT.test(text)) this.#look('agent', text, found);
        else this.#lookForScanner(text, found);
      } else if (name === 'cookie') {
        this.#lookIfSuspect(plainForm(value).replaceAll('; ', BETWEEN), found);
      } else if (!OWN_FORM.test(name)) {
        others += value + BETWEEN;
      }
    }
    const text = plainForm(others);
    if (SUSPECT.test(text)) this.#look('fields', text, found);
  }

  #lookForScanner(agent: string, found: Set<AttackRule>): void {
    for (const rule of this.#rules.agent) {
      if (rule.name === 'scanner' && rule.pattern.test(agent)) found.add(rule);
    }
  }

  #lookIfSuspect(text: string, found: Set<AttackRule>): void {
    if (SUSPECT.test(text)) this.#look('input', text, found);
  }

  #look(place: RulePlace, text: string, found: Set<AttackRule>): void {
    for (const rule of this.#rules[place]) {
      if (rule.pattern.test(text)) found.add(rule);
    }
  }
}

type BodyKind = 'form' | 'json' | 'multipart' | 'text';

function typeOf(headers: RawHeaders): string {
  return headerValue(headers, 'content-type') ?? '';
}

/** Returns how a body of that type is read; null when it is none that applications take for texts. */
function kindOfBody(contentType: string): BodyKind | null {
  const type = contentType.toLowerCase();
  if (type.startsWith('application/x-www-form-urlencoded')) return 'form';
  if (type.startsWith('multipart/form-data')) return 'multipart';
  if (/^application\/(?:[\w.+-]+\+)?json\b/.test(type)) return 'json';
  const isText = type.startsWith('text/') || /^application\/(?:[\w.+-]+\+)?xml\b/.test(type);
  return isText ? 'text' : null;
}

/** Returns what a body says, as rules see it; '' for bodies of other types. */
function bodyText(headers: RawHeaders, body: Uint8Array): string {
  const type = typeOf(headers);
  const kind = kindOfBody(type);
  if (kind === null) return '';
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1');
  if (kind === 'form') return plainForm(text);
  if (kind === 'json') return plainJson(text);
  if (kind === 'text') return plainText(text);
  return multipartTexts(type, text).map(plainText).join(BETWEEN);
}
