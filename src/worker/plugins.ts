// The plugins of this worker: their code is run when a configuration is staged, and forgotten when none uses
// it any more. What they counted stays.

import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { PluginNumbers, type PluginSample, samplePlugin } from '../observe/plugin-numbers.ts';
import type { PluginUnit } from './plugin/plugin-unit.ts';

export class Plugins {
  readonly #events: Events;
  readonly #numbers = new Map<string, PluginNumbers>();
  /** By settings and code. */
  #active = new Map<string, PluginUnit>();
  #staged = new Map<string, PluginUnit>();

  constructor(events: Events) {
    this.#events = events;
  }

  /** Returns the plugins of `config` by name: those that run already as long as nothing changed about them. */
  async stage({ plugins, pluginCode }: Config): Promise<ReadonlyMap<string, PluginUnit>> {
    const units = new Map<string, PluginUnit>();
    for (const settings of plugins) {
      const code = pluginCode[settings.name] ?? [];
      const key = JSON.stringify([settings, code]);
      const known = this.#active.get(key);
      if (known === undefined) {
        // Not before there is one: nobody else pays for it.
        const { loadPlugin } = await import('./plugin/load-plugin.ts');
        const numbers = this.#numbersOf(settings.name);
        const unit = await loadPlugin(code, { settings, numbers, events: this.#events });
        this.#staged.set(key, unit);
        units.set(settings.name, unit);
      } else {
        this.#staged.set(key, known);
        units.set(settings.name, known);
      }
    }
    return units;
  }

  /** What was staged is live. */
  settle(): void {
    const before = this.#active;
    this.#active = this.#staged;
    this.#staged = new Map();
    for (const [key, unit] of before) if (!this.#active.has(key)) unit.close();
  }

  /** What was staged will not be used. */
  discard(): void {
    for (const [key, unit] of this.#staged) if (!this.#active.has(key)) unit.close();
    this.#staged = new Map();
  }

  close(): void {
    this.discard();
    for (const unit of this.#active.values()) unit.close();
    this.#active = new Map();
  }

  get samples(): PluginSample[] {
    return [...this.#numbers].map(([name, numbers]) => samplePlugin(name, numbers));
  }

  #numbersOf(name: string): PluginNumbers {
    let numbers = this.#numbers.get(name);
    if (numbers === undefined) {
      numbers = new PluginNumbers();
      this.#numbers.set(name, numbers);
    }
    return numbers;
  }
}
