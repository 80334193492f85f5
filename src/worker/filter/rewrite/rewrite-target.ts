// What becomes of a target before the peer sees it: prefixes, expressions, the query. What comes out goes
// through the policy of targets like what came in, so that no variable can smuggle in what that forbids.

import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Settled } from '../../../core/filter.ts';
import { pathEnd } from '../../../routing/asked.ts';
import { BoundedRegex } from '../../../routing/bounded-regex.ts';
import { settleTarget, type TargetPolicy } from '../../../routing/target-policy.ts';
import { compileTemplate, pathValue, type Template } from '../../../routing/template.ts';
import { type QueryEditSettings, QueryEdits } from './query-edits.ts';

export interface RewriteSettings {
  readonly stripPrefix: string | null;
  readonly addPrefix: string | null;
  /** The first match of each is replaced, in this order. */
  readonly path: readonly { readonly regex: string; readonly to: string }[];
  readonly query: QueryEditSettings;
}

export class RewriteTarget implements RequestFilter {
  readonly name = 'rewrite';
  readonly #stripPrefix: string;
  readonly #addPrefix: string;
  readonly #replacements: readonly { readonly regex: BoundedRegex; readonly to: Template }[];
  readonly #query: QueryEdits | null;
  readonly #policy: TargetPolicy;

  constructor(settings: RewriteSettings, policy: TargetPolicy) {
    this.#stripPrefix = settings.stripPrefix ?? '';
    this.#addPrefix = settings.addPrefix ?? '';
    this.#replacements = settings.path.map(({ regex, to }) => ({
      regex: new BoundedRegex(regex),
      to: compileTemplate(to),
    }));
    this.#query = QueryEdits.of(settings.query);
    this.#policy = policy;
  }

  apply(exchange: Exchange): Settled {
    const { target } = exchange;
    const end = pathEnd(target);
    const path = this.#rewritePath(target.slice(0, end), exchange);
    const query = this.#query === null ? target.slice(end) : this.#query.apply(exchange);
    const settled = settleTarget(path + query, this.#policy);
    if (typeof settled !== 'string') return settled;
    exchange.target = settled;
    return undefined;
  }

  #rewritePath(received: string, exchange: Exchange): string {
    let path = this.#addPrefix + withoutPrefix(received, this.#stripPrefix);
    for (const { regex, to } of this.#replacements) {
      const match = regex.find(path, 0);
      if (match === null) continue;
      const replaced = pathValue(to(exchange, match.groups));
      path = path.slice(0, match.start) + replaced + path.slice(match.end);
    }
    return path.startsWith('/') ? path : `/${path}`;
  }
}

/** Returns the filter, or null when there is nothing to rewrite. */
export function compileRewrite(
  settings: RewriteSettings,
  policy: TargetPolicy,
): RewriteTarget | null {
  const { stripPrefix, addPrefix, path, query } = settings;
  const isIdle = stripPrefix === null && addPrefix === null && path.length === 0;
  return isIdle && QueryEdits.of(query) === null ? null : new RewriteTarget(settings, policy);
}

/** Returns the path without a prefix that ends where a segment ends. */
export function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '' || !path.startsWith(prefix)) return path;
  if (path.length === prefix.length) return '/';
  return path.charCodeAt(prefix.length) === 0x2f ? path.slice(prefix.length) : path;
}
