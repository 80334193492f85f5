// The stages of a response in front of whoever takes it.

import type { Exchange } from '../core/exchange.ts';
import type { ResponseStage } from '../core/filter.ts';
import type { Sink } from '../core/sink.ts';

/**
 * Returns where the bytes go in: attached from the client's side inwards, so that the first stage in the
 * list meets them first.
 */
export function attachStages(
  exchange: Exchange,
  stages: readonly ResponseStage[],
  client: Sink,
): Sink {
  let sink = client;
  for (let at = stages.length - 1; at >= 0; at--) sink = stages[at]!.attach(exchange, sink);
  return sink;
}
