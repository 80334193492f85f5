// The stages of a response in front of whoever takes it. They meet the head in the order in which they meet
// the bytes, so that each sees what those before it have made of it; a joint stands in for what comes next.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { ResponseStage } from '../core/filter.ts';
import type { Plan } from '../core/plan.ts';
import type { Sink, Source } from '../core/sink.ts';

/** Returns where the bytes of a peer go in: stages before the cache, the cache, stages behind it. */
export function attachPlan(exchange: Exchange, plan: Plan): Sink {
  const { peerStages } = plan;
  if (peerStages === null) return attachBehindPeer(exchange, plan);
  const joint = new Joint();
  const first = attachStages(exchange, peerStages, joint);
  joint.next = attachBehindPeer(exchange, plan);
  return first;
}

/** The cache itself has the client stages attached when it knows what the client gets. */
function attachBehindPeer(exchange: Exchange, { cache, clientStages }: Plan): Sink {
  if (cache !== null) return cache.attach(exchange);
  const { client } = exchange;
  return clientStages === null ? client : attachStages(exchange, clientStages, client);
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
