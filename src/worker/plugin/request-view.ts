// A request as a plugin sees it: nothing is read before it is asked for, and nothing can be changed once the
// request has gone on.

import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import type { Plan } from '../../core/plan.ts';
import type { PluginRequest } from '../../plugin/define-plugin.ts';
import { pathEnd } from '../../routing/asked.ts';
import { queryValues } from '../../routing/query.ts';
import { settleTarget, type TargetPolicy } from '../../routing/target-policy.ts';
import { checkedName, checkedValue, fieldPairs, withoutField } from './fields.ts';
import type { PluginUnit } from './plugin-unit.ts';

/** What plugins of a route may know and choose. */
export interface PluginRoute {
  readonly name: string;
  readonly policy: TargetPolicy;
  /** Plans by the names of the upstreams in `to`. */
  readonly plans: ReadonlyMap<string, Plan>;
}

/** What no path or query may have in it as a character: it would end it. */
const ENDS_PATH = /[?#]/;
const NO_QUERY = /[^!-"$-~\x80-\xff]/;

export class RequestView implements PluginRequest {
  readonly #exchange: Exchange;
  readonly #route: PluginRoute;
  readonly #unit: PluginUnit;
  #mayChange: boolean;
  #controller: AbortController | null = null;

  constructor(exchange: Exchange, route: PluginRoute, unit: PluginUnit, mayChange: boolean) {
    this.#exchange = exchange;
    this.#route = route;
    this.#unit = unit;
    this.#mayChange = mayChange;
  }

  /** The request goes on; what still refers to it can look, but change nothing. */
  seal(): void {
    this.#mayChange = false;
  }

  /** The time is up. */
  giveUp(): void {
    this.#mayChange = false;
    this.#controller?.abort(new Error('the time of the plugin is up'));
  }

  get id(): string {
    return this.#exchange.requestId;
  }
  get method(): string {
    return this.#exchange.method;
  }
  get scheme(): 'http' | 'https' {
    return this.#exchange.scheme;
  }
  get host(): string {
    return this.#exchange.host;
  }
  get route(): string {
    return this.#route.name;
  }
  get clientAddress(): string {
    return this.#exchange.clientAddress;
  }
  get user(): string {
    return this.#exchange.user;
  }
  get isIdentified(): boolean {
    return this.#exchange.isIdentified;
  }
  get state(): Record<string, unknown> {
    return this.#unit.stateOf(this.#exchange);
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      const exchange = this.#exchange;
      this.#controller = controller;
      if (exchange.finished) controller.abort();
      else exchange.held = { next: exchange.held, release: () => controller.abort() };
    }
    return this.#controller.signal;
  }

  get path(): string {
    const { target } = this.#exchange;
    return target.slice(0, pathEnd(target));
  }
  set path(path: string) {
    this.#assertOpen();
    if (!path.startsWith('/') || ENDS_PATH.test(path)) {
      throw new TypeError(`expected a path, got '${path}'`);
    }
    const { target } = this.#exchange;
    const settled = settleTarget(path + target.slice(pathEnd(target)), this.#route.policy);
    if (settled instanceof ProxyError) {
      throw new TypeError(`expected a path, got '${path}' (${settled.detail})`);
    }
    this.#exchange.target = settled;
  }

  get query(): string {
    const { target } = this.#exchange;
    return target.slice(pathEnd(target) + 1);
  }
  set query(query: string) {
    this.#assertOpen();
    if (NO_QUERY.test(query)) throw new TypeError(`expected an encoded query, got '${query}'`);
    this.#exchange.target = query === '' ? this.path : `${this.path}?${query}`;
  }

  get upstream(): string {
    for (const [name, plan] of this.#route.plans) if (plan === this.#exchange.plan) return name;
    return '';
  }
  set upstream(name: string) {
    this.#assertOpen();
    const plan = this.#route.plans.get(name);
    if (plan === undefined) {
      const known = [...this.#route.plans.keys()].join(', ');
      throw new TypeError(`expected an upstream of the route (${known}), got '${name}'`);
    }
    this.#exchange.plan = plan;
  }

  capture(name: string): string | undefined {
    return this.#exchange.captures?.get(name);
  }

  header(name: string): string | undefined {
    return headerValue(this.#exchange.requestHeaders, name.toLowerCase());
  }

  headers(): [name: string, value: string][] {
    return fieldPairs(this.#exchange.requestHeaders);
  }

  setHeader(name: string, value: string): void {
    this.#assertOpen();
    const lower = checkedName(name);
    const checked = checkedValue(value);
    const exchange = this.#exchange;
    if (headerValue(exchange.requestHeaders, lower) !== undefined) {
      exchange.requestHeaders = withoutField(exchange.requestHeaders, lower);
    }
    exchange.requestHeaders.push(lower, checked);
  }

  addHeader(name: string, value: string): void {
    this.#assertOpen();
    this.#exchange.requestHeaders.push(checkedName(name), checkedValue(value));
  }

  removeHeader(name: string): void {
    this.#assertOpen();
    const exchange = this.#exchange;
    exchange.requestHeaders = withoutField(exchange.requestHeaders, checkedName(name));
  }

  queryValue(name: string): string | undefined {
    return queryValues(this.#exchange.target, name)[0];
  }

  queryValues(name: string): string[] {
    return queryValues(this.#exchange.target, name);
  }

  #assertOpen(): void {
    if (!this.#mayChange) throw new Error('too late: the request has gone on');
  }
}
