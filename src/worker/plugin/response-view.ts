// The head of a response as a plugin sees it. The list of fields that came is never changed in place: it may
// belong to a stored answer.

import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import { isWithoutBody } from '../../core/response-body.ts';
import type { PluginResponse } from '../../plugin/define-plugin.ts';
import { checkedName, checkedValue, fieldPairs, withoutField } from './fields.ts';

export class ResponseView implements PluginResponse {
  readonly #exchange: Exchange;
  #mayChange = true;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The head goes on; what still refers to it can look, but change nothing. */
  seal(): void {
    this.#mayChange = false;
  }

  get status(): number {
    return this.#exchange.status;
  }
  set status(status: number) {
    this.#assertOpen();
    const isStatus = Number.isInteger(status) && status >= 200 && status <= 599;
    if (!isStatus || isWithoutBody(status) !== isWithoutBody(this.#exchange.status)) {
      const like = isWithoutBody(this.#exchange.status) ? 'without' : 'with';
      throw new TypeError(`expected a status of responses ${like} a body, got ${status}`);
    }
    this.#exchange.status = status;
  }

  header(name: string): string | undefined {
    return headerValue(this.#exchange.responseHeaders, name.toLowerCase());
  }

  headers(): [name: string, value: string][] {
    return fieldPairs(this.#exchange.responseHeaders);
  }

  setHeader(name: string, value: string): void {
    this.#assertOpen();
    const lower = checkedName(name);
    const checked = checkedValue(value);
    const exchange = this.#exchange;
    exchange.responseHeaders = withoutField(exchange.responseHeaders, lower);
    exchange.responseHeaders.push(lower, checked);
  }

  addHeader(name: string, value: string): void {
    this.#assertOpen();
    const exchange = this.#exchange;
    const field = [checkedName(name), checkedValue(value)];
    exchange.responseHeaders = [...exchange.responseHeaders, ...field];
  }

  removeHeader(name: string): void {
    this.#assertOpen();
    const exchange = this.#exchange;
    exchange.responseHeaders = withoutField(exchange.responseHeaders, checkedName(name));
  }

  #assertOpen(): void {
    if (!this.#mayChange) throw new Error('too late: the head of the response has gone on');
  }
}
