// Refuses requests by what they are: method, length of the target, user agent, type of the body.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Verdict } from '../../../core/filter.ts';
import { headerValue } from '../../../core/headers.ts';
import { BoundedRegex } from '../../../routing/bounded-regex.ts';

export interface RequestShape {
  /** Upper-case; empty for any. */
  readonly methods: readonly string[];
  /** In bytes, with query; 0 for any. */
  readonly targetBytesMax: number;
  /** Parts of a user agent, in any case; with `~` in front an expression. */
  readonly deniedAgents: readonly string[];
  /** Lower-case types of bodies, or `text/*`; empty for any. */
  readonly contentTypes: readonly string[];
}

export class RequestShapeFilter implements RequestFilter {
  readonly name = 'filter';
  readonly #shape: RequestShape;
  readonly #methods: ReadonlySet<string>;
  readonly #parts: readonly string[];
  readonly #expressions: readonly BoundedRegex[];

  constructor(shape: RequestShape) {
    this.#shape = shape;
    this.#methods = new Set(shape.methods);
    const isExpression = (agent: string) => agent.startsWith('~');
    this.#parts = shape.deniedAgents
      .filter((agent) => !isExpression(agent))
      .map((agent) => agent.toLowerCase());
    this.#expressions = shape.deniedAgents
      .filter(isExpression)
      .map((agent) => new BoundedRegex(`(?i)${agent.slice(1)}`));
  }

  apply(exchange: Exchange): Verdict {
    const { methods, targetBytesMax, contentTypes } = this.#shape;
    if (methods.length > 0 && !this.#methods.has(exchange.method)) {
      return new ProxyError('method_not_allowed', exchange.method, 1, [
        'allow',
        methods.join(', '),
      ]);
    }
    if (targetBytesMax > 0 && exchange.receivedTarget.length > targetBytesMax) {
      return new ProxyError('target_too_long');
    }
    const denied = this.#deniedBy(headerValue(exchange.requestHeaders, 'user-agent') ?? '');
    if (denied) return new ProxyError('forbidden', 'user agent');
    if (exchange.requestBody === null || contentTypes.length === 0) return undefined;
    const type = typeOf(headerValue(exchange.requestHeaders, 'content-type') ?? '');
    return isListed(type, contentTypes) ? undefined : new ProxyError('unsupported_type', type);
  }

  #deniedBy(agent: string): boolean {
    const lower = agent.toLowerCase();
    return (
      this.#parts.some((part) => lower.includes(part)) ||
      this.#expressions.some((expression) => expression.test(agent))
    );
  }
}

/** Returns the type without its parameters. */
function typeOf(field: string): string {
  return field.split(';', 1)[0]!.trim().toLowerCase();
}

function isListed(type: string, list: readonly string[]): boolean {
  return list.some((one) =>
    one.endsWith('/*') ? type.startsWith(one.slice(0, -1)) : one === type,
  );
}
