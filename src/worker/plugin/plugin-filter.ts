// The filter that asks a plugin about a request. A plugin that answers at once costs no promise; one that
// gives a promise holds the exchange until it settles, its time is up or the client leaves.

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { RequestFilter, Settled, Verdict } from '../../core/filter.ts';
import type { Plugin, PluginAnswer, RequestOutcome } from '../../plugin/define-plugin.ts';
import { replyOf } from './answer.ts';
import type { PluginUnit } from './plugin-unit.ts';
import { type PluginRoute, RequestView } from './request-view.ts';

export class PluginFilter implements RequestFilter {
  readonly name: string;
  readonly #unit: PluginUnit;
  readonly #plugin: Required<Pick<Plugin, 'request'>>;
  readonly #route: PluginRoute;
  readonly #options: unknown;

  /** The plugin has a function `request`. */
  constructor(unit: PluginUnit, route: PluginRoute, options: unknown) {
    this.name = `plugin ${unit.settings.name}`;
    this.#unit = unit;
    this.#plugin = unit.plugin as Required<Pick<Plugin, 'request'>>;
    this.#route = route;
    this.#options = options;
  }

  apply(exchange: Exchange): Verdict {
    const unit = this.#unit;
    const startedMs = performance.now();
    if (!unit.mayCall(startedMs)) return this.#goOn(unit.resting());
    const view = new RequestView(exchange, this.#route, unit, true);
    let outcome: RequestOutcome | Promise<RequestOutcome>;
    try {
      outcome = this.#plugin.request(view, this.#options);
    } catch (error) {
      unit.called(startedMs);
      return this.#failed(view, error);
    }
    unit.called(startedMs);
    if (isThenable(outcome)) return this.#wait(view, outcome);
    return this.#settle(view, outcome);
  }

  #settle(view: RequestView, outcome: RequestOutcome): Settled {
    view.seal();
    if (outcome === undefined) {
      this.#unit.succeeded();
      return undefined;
    }
    return this.#answer(view, outcome);
  }

  #answer(view: RequestView, answer: PluginAnswer): Settled {
    try {
      const reply = replyOf(answer);
      this.#unit.succeeded();
      return reply;
    } catch (error) {
      return this.#failed(view, error);
    }
  }

  #wait(view: RequestView, promise: PromiseLike<RequestOutcome>): Promise<Settled> {
    const unit = this.#unit;
    const { timeoutMs } = unit.settings;
    const startedMs = performance.now();
    unit.begin();
    return new Promise((resolve) => {
      let isOver = false;
      const settle = (decide: () => Settled) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        unit.numbers.waitedMs += performance.now() - startedMs;
        resolve(decide());
        unit.end();
      };
      const timer = setTimeout(() => {
        settle(() => {
          view.giveUp();
          return this.#goOn(unit.timedOut(timeoutMs));
        });
      }, timeoutMs);
      promise.then(
        (outcome) => settle(() => this.#settle(view, outcome)),
        (reason: unknown) => settle(() => this.#failed(view, reason)),
      );
    });
  }

  #failed(view: RequestView, reason: unknown): Settled {
    view.giveUp();
    return this.#goOn(this.#unit.failed(reason));
  }

  #goOn(error: ProxyError): Settled {
    return this.#unit.settings.onError === 'pass' ? undefined : error;
  }
}

function isThenable<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
