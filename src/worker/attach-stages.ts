// The stages of a response in front of whoever takes it. They meet the head in the order in which they meet
// the bytes, so that each sees what those before it have made of it; a joint stands in for what comes next.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { ResponseStage } from '../core/filter.ts';
import type { Plan } from '../core/plan.ts';
import type { Sink, Source } from '../core/sink.ts';

/** Returns where the bytes of a peer go in: stages before the cache, the cache, stages behind it. */
export function attachPlan(exchange: Exchange, plan: Plan): Sink {
  const { peerStages, cache, clientStages } = plan;
  const toClient = new Joint();
  const toCache = cache === null ? toClient : new Joint();
  const first = peerStages === null ? toCache : attachStages(exchange, peerStages, toCache);
  if (cache !== null) toCache.next = cache.attach(exchange, toClient);
  const { client } = exchange;
  toClient.next = clientStages === null ? client : attachStages(exchange, clientStages, client);
  return first;
}

/** Returns where the bytes go in so that the first stage in the list meets them first. */
export function attachStages(
  exchange: Exchange,
  stages: readonly ResponseStage[],
  client: Sink,
): Sink {
  let first: Sink | null = null;
  let last: Joint | null = null;
  let joint = new Joint();
  for (const stage of stages) {
    const sink = stage.attach(exchange, joint);
    // It stays out: the next stage takes its place.
    if (sink === joint) continue;
    if (last !== null) last.next = sink;
    first ??= sink;
    last = joint;
    joint = new Joint();
  }
  if (last === null) return client;
  last.next = client;
  return first!;
}

/** Hands on everything; its next is set before any byte comes. */
class Joint implements Sink {
  next!: Sink;

  start(source: Source): void {
    this.next.start(source);
  }

  write(chunk: Uint8Array): boolean {
    return this.next.write(chunk);
  }

  end(): void {
    this.next.end();
  }

  fail(error: ProxyError): void {
    this.next.fail(error);
  }
}
