// Answers by itself: always the same, or a page while the application is being looked after.

import type { Exchange } from '../../../core/exchange.ts';
import type { Reply, RequestFilter, Settled } from '../../../core/filter.ts';
import { isWithoutBody } from '../../../core/response-body.ts';
import { compileTemplate, fieldValue, type Template } from '../../../routing/template.ts';
import { AddressSet } from '../../../std/address-set.ts';

const EMPTY = new Uint8Array(0);

/** Where a body comes from; null while there is none. */
export type BodySource = () => Uint8Array | null;

export interface RespondSettings {
  readonly status: number;
  /** Values with variables. */
  readonly headers: Readonly<Record<string, string>>;
}

export class Respond implements RequestFilter {
  readonly name: string = 'respond';
  readonly #status: number;
  readonly #fields: readonly (readonly [string, Template])[];
  readonly #body: BodySource;

  constructor({ status, headers }: RespondSettings, body: BodySource) {
    this.#status = status;
    this.#fields = Object.entries(headers).map(([name, text]) => [
      name.toLowerCase(),
      compileTemplate(text),
    ]);
    this.#body = body;
  }

  apply(exchange: Exchange): Reply {
    const headers: string[] = [];
    for (const [name, value] of this.#fields) headers.push(name, fieldValue(value(exchange)));
    const body = isWithoutBody(this.#status) ? null : this.#body();
    return { status: this.#status, headers, body: body ?? EMPTY };
  }
}

export interface MaintenanceSettings {
  readonly retryAfterMs: number;
  readonly contentType: string;
  /** Who is let through: addresses and CIDR ranges. */
  readonly except: readonly string[];
}

export class Maintenance implements RequestFilter {
  readonly name = 'maintenance';
  readonly #respond: Respond;
  readonly #except: AddressSet;

  constructor({ retryAfterMs, contentType, except }: MaintenanceSettings, body: BodySource) {
    const headers = {
      'content-type': contentType,
      'retry-after': String(Math.ceil(retryAfterMs / 1000)),
      'cache-control': 'no-store',
    };
    this.#respond = new Respond({ status: 503, headers }, body);
    this.#except = new AddressSet(except);
  }

  apply(exchange: Exchange): Settled {
    return this.#except.has(exchange.clientAddress) ? undefined : this.#respond.apply(exchange);
  }
}
