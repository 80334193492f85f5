// Compiles what a route does with plugins into filters, stages and a handler. A route without any has null.

import type { RouteConfig } from '../config/schema.ts';
import type { RequestFilter, ResponseStage } from '../core/filter.ts';
import { MIB } from '../core/limits.ts';
import { Peer } from '../core/peer.ts';
import type { Plan } from '../core/plan.ts';
import { readOptions } from '../plugin/read-plugin.ts';
import { messageOf } from '../std/message-of.ts';
import { decodeBody } from './compress/decode-body.ts';
import { Handler, noTunnel } from './plugin/handler.ts';
import { PluginFilter } from './plugin/plugin-filter.ts';
import { PluginStage } from './plugin/plugin-stage.ts';
import type { PluginUnit } from './plugin/plugin-unit.ts';
import { failureReply } from './reply/reply.ts';
import type { RouteContext } from './route-context.ts';

/** What an encoded body may come to when it must be decoded for a plugin. */
const DECODED = { bytesMax: 256 * MIB, ratioMax: 200 };

/** The filters and stages that plugins of a route are, in their order. */
export interface RoutePlugins {
  readonly filters: readonly RequestFilter[];
  readonly stages: readonly ResponseStage[];
}

/** Compiles the plugins of a route; `plans` by upstream may be filled in later. Throws an Error. */
export function compilePlugins(
  { name, plugins }: RouteConfig,
  context: RouteContext,
  plans: ReadonlyMap<string, Plan>,
): RoutePlugins {
  const filters: RequestFilter[] = [];
  const stages: ResponseStage[] = [];
  const route = { name, policy: context.config.paths, plans };
  for (const use of plugins) {
    const unit = unitOf(use.name, context);
    const options = optionsOf(unit, use.options);
    if (unit.plugin.request !== undefined) filters.push(new PluginFilter(unit, route, options));
    if (unit.plugin.response === undefined) continue;
    stages.push(
      new PluginStage(unit, route, options, {
        decode: (exchange, next) => decodeBody(exchange, next, DECODED),
        replyFor: (exchange, error) => {
          return failureReply(exchange, error, exchange.plan?.errorPages ?? null);
        },
      }),
    );
  }
  return { filters, stages };
}

/** Compiles the handler of a route into what a plan has in place of an upstream; null without one. */
export function compileHandler(
  { name: route, handler }: RouteConfig,
  context: RouteContext,
): Pick<Plan, 'balancer' | 'upstream' | 'tunnel'> | null {
  if (handler === null) return null;
  const unit = unitOf(handler.name, context);
  const options = optionsOf(unit, handler.options);
  const { timeoutMs } = handler;
  // Nobody else knows this peer: it is in no table of the sidecar and never fails.
  const peer = new Peer(`plugin/${handler.name}`, `plugin ${handler.name}`, {
    scheme: 'http',
    hostname: '',
    port: 0,
    path: null,
    authority: handler.name,
  });
  return {
    balancer: { pick: () => peer },
    upstream: new Handler({ unit, route, options, timeoutMs }),
    tunnel: noTunnel,
  };
}

function unitOf(name: string, { plugins }: RouteContext): PluginUnit {
  const unit = plugins.get(name);
  if (unit === undefined) throw new Error(`no plugin ${name}`);
  return unit;
}

function optionsOf(unit: PluginUnit, written: Readonly<Record<string, unknown>>): unknown {
  try {
    return readOptions(unit.plugin, written);
  } catch (error) {
    const reason = messageOf(error);
    throw new Error(`plugin ${unit.settings.name}: its options are refused: ${reason}`);
  }
}
