// Plays a bad request and tells what came of it.

import { connectClient, type RawClient } from '../../support/client.ts';
import type { BadRequest, Outcome } from './bad-request.ts';

export type Pace = 'in one segment' | 'byte by byte';

/** Sends the request and waits until the connection ends. Throws when more than one answer comes. */
export async function play(port: number, request: BadRequest, pace: Pace): Promise<Outcome> {
  const client = await connectClient(port);
  try {
    await send(client, request.bytes, pace);
    await client.untilClosed(60_000);
    return outcomeOf(client);
  } finally {
    client.close();
  }
}

/** What is longer goes byte by byte at both ends only: a whole head would take longer than a head may. */
const ENDS_BYTES = 1024;

// The request line goes in one piece: this engine answers 505 when a segment ends inside of it, in the
// space behind the method or from the space before `HTTP/1.1` on.
async function send(client: RawClient, bytes: string, pace: Pace): Promise<void> {
  const lineEnd = bytes.indexOf('\n') + 1;
  if (pace === 'in one segment' || lineEnd === 0) return client.send(bytes);
  await client.send(bytes.slice(0, lineEnd));
  const rest = bytes.slice(lineEnd);
  const ends = rest.length > 2 * ENDS_BYTES ? ENDS_BYTES : rest.length;
  await client.sendSlowly(rest.slice(0, ends));
  if (ends === rest.length) return;
  await client.send(rest.slice(ends, -ENDS_BYTES));
  await client.sendSlowly(rest.slice(-ENDS_BYTES));
}

/** What must come of it. */
export function expected(
  request: BadRequest,
  pace: Pace,
): { readonly outcome: Outcome; readonly served: number } {
  const { outcome, outcomeSlowly, served = 0, servedSlowly } = request;
  if (pace === 'in one segment') return { outcome, served };
  return { outcome: outcomeSlowly ?? outcome, served: servedSlowly ?? served };
}

function outcomeOf(client: RawClient): Outcome {
  const text = client.received.toString('latin1');
  if (text === '') return 'close';
  const statuses = [...text.matchAll(/^HTTP\/1\.1 ([0-9]{3})/gm)].map((match) => Number(match[1]));
  if (statuses.length !== 1) throw new Error(`${statuses.length} answers: ${text}`);
  return statuses[0]!;
}
