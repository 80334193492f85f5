// Makes the filters that look a request over out of a route's settings.

import type { RouteConfig } from '../config/schema.ts';
import { AttackFilter } from './filter/guard/attack-filter.ts';
import { attackRules } from './filter/guard/attack-rules.ts';
import { RuleInspector } from './filter/guard/inspector.ts';
import { RequestShapeFilter } from './filter/guard/request-shape.ts';
import type { RouteContext } from './route-context.ts';

/** Returns the filter by method, agent, length and type, or null. */
export function compileRequestShape({ filter }: RouteConfig): RequestShapeFilter | null {
  if (filter === null) return null;
  const { methods, targetBytesMax, deniedAgents, contentTypes } = filter;
  const isUsed =
    targetBytesMax > 0 || [methods, deniedAgents, contentTypes].some((list) => list.length > 0);
  return isUsed ? new RequestShapeFilter(filter) : null;
}

/** Returns the filter against common attacks, or null. */
export function compileAttacks(
  { name, filter }: RouteConfig,
  { events, guard }: RouteContext,
): AttackFilter | null {
  if (filter === null || filter.attacks.mode === 'off') return null;
  const { mode, threshold, except, bodyBytes } = filter.attacks;
  const rules = attackRules.filter((rule) => !except.includes(rule.name));
  return new AttackFilter({
    ...{ route: name, mode, threshold, bodyBytes, events },
    inspector: new RuleInspector(rules),
    counters: guard,
    nowMs: () => performance.now(),
  });
}
