// What tests of plugins need: a plugin in a worker without files, and what it counted and told.

import type { Events } from '../../../../src/core/events.ts';
import type { Plan } from '../../../../src/core/plan.ts';
import { PluginNumbers } from '../../../../src/observe/plugin-numbers.ts';
import type { Plugin } from '../../../../src/plugin/define-plugin.ts';
import { safeTargetPolicy } from '../../../../src/routing/target-policy.ts';
import { decodeBody } from '../../../../src/worker/compress/decode-body.ts';
import { PluginFilter } from '../../../../src/worker/plugin/plugin-filter.ts';
import { PluginStage } from '../../../../src/worker/plugin/plugin-stage.ts';
import { type PluginSettings, PluginUnit } from '../../../../src/worker/plugin/plugin-unit.ts';
import { failureReply } from '../../../../src/worker/reply/reply.ts';

/** What a worker was told about plugins: messages in their order. */
export type Told = string[];

export function makeUnit(
  plugin: Plugin,
  settings: Partial<PluginSettings> = {},
  told: Told = [],
): PluginUnit {
  const tell = (_fields: object, message: string) => void told.push(message);
  const events: Events = { debug: tell, info: tell, warn: tell, error: tell };
  return new PluginUnit({
    plugin,
    settings: {
      name: 'test',
      timeoutMs: 10_000,
      blockedMs: 10_000,
      onError: 'refuse',
      failuresInRow: 0,
      restMs: 1000,
      ...settings,
    },
    numbers: new PluginNumbers(),
    events,
  });
}

export function makeRoute(plans: ReadonlyMap<string, Plan> = new Map()) {
  return { name: 'r', policy: safeTargetPolicy, plans };
}

export function makeFilter(
  request: NonNullable<Plugin['request']>,
  settings: Partial<PluginSettings> = {},
): PluginFilter {
  return new PluginFilter(makeUnit({ request }, settings), makeRoute(), {});
}

export function makeStage(
  response: NonNullable<Plugin['response']>,
  settings: Partial<PluginSettings> = {},
): PluginStage {
  return new PluginStage(
    makeUnit({ response }, settings),
    makeRoute(),
    {},
    {
      decode: (exchange, next) => decodeBody(exchange, next, { bytesMax: 1e6, ratioMax: 100 }),
      replyFor: (exchange, error) => failureReply(exchange, error, null),
    },
  );
}
