// One version of a plugin in this worker: when it may be asked, what became of its calls, and when nothing of
// it runs any more.
//
//   awake ── failuresInRow errors ──► resting ── restMs over: one call tries ──► awake, or resting again

import { ProxyError } from '../../core/errors.ts';
import type { Events } from '../../core/events.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { PluginNumbers } from '../../observe/plugin-numbers.ts';
import type { Plugin } from '../../plugin/define-plugin.ts';

/** An event about the same plugin comes at most so often. */
const TELL_MS = 10_000;

export interface PluginSettings {
  readonly name: string;
  readonly timeoutMs: number;
  readonly blockedMs: number;
  readonly onError: 'refuse' | 'pass';
  /** 0: it is never given a rest. */
  readonly failuresInRow: number;
  readonly restMs: number;
}

export interface PluginUnitOptions {
  readonly plugin: Plugin;
  readonly settings: PluginSettings;
  readonly numbers: PluginNumbers;
  readonly events: Events;
}

export class PluginUnit {
  readonly plugin: Plugin;
  readonly settings: PluginSettings;
  readonly numbers: PluginNumbers;
  readonly #events: Events;
  readonly #states = new WeakMap<Exchange, Record<string, unknown>>();
  #failuresInRow = 0;
  /** `performance.now()`; 0: awake. */
  #restsUntilMs = 0;
  #toldErrorMs = Number.NEGATIVE_INFINITY;
  #toldBlockedMs = Number.NEGATIVE_INFINITY;
  /** Calls and bodies that are not over. */
  #running = 0;
  #isClosing = false;

  constructor({ plugin, settings, numbers, events }: PluginUnitOptions) {
    this.plugin = plugin;
    this.settings = settings;
    this.numbers = numbers;
    this.#events = events;
  }

  /** Tells whether it may be asked now; counts those that may not. */
  mayCall(nowMs: number): boolean {
    if (this.#restsUntilMs === 0) return true;
    if (nowMs < this.#restsUntilMs) {
      this.numbers.skipped += 1;
      return false;
    }
    // One tries; the others wait for what becomes of it.
    this.#restsUntilMs = nowMs + this.settings.restMs;
    return true;
  }

  /** Counts a call whose synchronous part is over. */
  called(startedMs: number): void {
    const tookMs = performance.now() - startedMs;
    const { numbers, settings } = this;
    numbers.calls += 1;
    numbers.busyMs += tookMs;
    if (tookMs <= settings.blockedMs) return;
    numbers.blocked += 1;
    const nowMs = performance.now();
    if (nowMs - this.#toldBlockedMs < TELL_MS) return;
    this.#toldBlockedMs = nowMs;
    const fields = { plugin: settings.name, tookMs: Math.round(tookMs) };
    this.#events.warn(fields, 'plugin held up the worker');
  }

  succeeded(): void {
    if (this.#failuresInRow === 0) return;
    this.#failuresInRow = 0;
    if (this.#restsUntilMs === 0) return;
    this.#restsUntilMs = 0;
    this.#events.info({ plugin: this.settings.name }, 'plugin is asked again');
  }

  /** Counts what went wrong and returns the failure of the exchange. */
  failed(reason: unknown): ProxyError {
    this.numbers.errors += 1;
    const detail = `plugin ${this.settings.name}: ${describe(reason)}`;
    this.#failed(detail);
    return new ProxyError('plugin_failed', detail);
  }

  /** Counts a promise that did not settle in time and returns the failure of the exchange. */
  timedOut(limitMs: number): ProxyError {
    this.numbers.timeouts += 1;
    const detail = `plugin ${this.settings.name}: no answer within ${limitMs} ms`;
    this.#failed(detail);
    return new ProxyError('plugin_timeout', detail);
  }

  /** Returns the failure of an exchange that can't do without the plugin while that is given a rest. */
  resting(): ProxyError {
    return new ProxyError('plugin_resting', `plugin ${this.settings.name}`);
  }

  /** What the plugin keeps from the request to the response of an exchange. */
  stateOf(exchange: Exchange): Record<string, unknown> {
    let state = this.#states.get(exchange);
    if (state === undefined) {
      state = {};
      this.#states.set(exchange, state);
    }
    return state;
  }

  /** Something of it runs on beyond a call; `end` must follow. */
  begin(): void {
    this.#running += 1;
  }

  end(): void {
    this.#running -= 1;
    if (this.#isClosing && this.#running === 0) this.#close();
  }

  /** Something of it runs on until the exchange is over. */
  hold(exchange: Exchange): void {
    this.#running += 1;
    exchange.held = { next: exchange.held, release: () => this.end() };
  }

  /** Another version is in its place: its `close` is called when nothing of it runs any more. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    if (this.#running === 0) this.#close();
  }

  #close(): void {
    const complain = (reason: unknown) => {
      const fields = { plugin: this.settings.name, detail: describe(reason) };
      this.#events.warn(fields, 'plugin failed to close');
    };
    try {
      const closing = this.plugin.close?.();
      if (closing instanceof Promise) closing.catch(complain);
    } catch (error) {
      complain(error);
    }
  }

  #failed(detail: string): void {
    const { name, failuresInRow, restMs } = this.settings;
    const nowMs = performance.now();
    this.#failuresInRow += 1;
    const rests = failuresInRow > 0 && this.#failuresInRow >= failuresInRow;
    const wasAwake = this.#restsUntilMs === 0;
    if (rests) this.#restsUntilMs = nowMs + restMs;
    if (rests && wasAwake) {
      this.#events.error({ plugin: name, detail, restMs }, 'plugin fails and is given a rest');
    } else if (nowMs - this.#toldErrorMs >= TELL_MS) {
      this.#toldErrorMs = nowMs;
      this.#events.error({ plugin: name, detail }, 'plugin failed');
    }
  }
}

/** The message and the place of an error; never more than a line. */
function describe(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason).slice(0, 200);
  const [, first = ''] = /\n\s+at (.*)/.exec(reason.stack ?? '') ?? [];
  const message = `${reason.name}: ${reason.message}`.split('\n')[0]!.slice(0, 500);
  return first === '' ? message : `${message} (${first.slice(0, 300)})`;
}
