// Sends clients elsewhere.

import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, RequestFilter } from '../../../core/filter.ts';
import { compileTemplate, locationValue, type Template } from '../../../routing/template.ts';

const EMPTY = new Uint8Array(0);

export interface RedirectSettings {
  /** URL or path, with variables. */
  readonly to: string;
  readonly status: number;
}

export class Redirect implements RequestFilter {
  readonly name = 'redirect';
  readonly #status: number;
  readonly #to: Template;

  constructor({ to, status }: RedirectSettings) {
    this.#status = status;
    this.#to = compileTemplate(to);
  }

  apply(exchange: Exchange): Reply {
    const location = locationValue(this.#to(exchange));
    return { status: this.#status, headers: ['location', location], body: EMPTY };
  }
}
