// Early hints (103, RFC 8297): what a peer says before it knows its answer.

import type { Exchange } from './exchange.ts';
import type { RawHeaders } from './headers.ts';

/** Only what browsers act upon: other fields of an answer are edited on the way, and these are not. */
const PASSED_ON: readonly string[] = ['link', 'content-security-policy'];

/** Passes an interim response on to the client where it has hints and the client's connection can carry them. */
export function passHints(exchange: Exchange, status: number, headers: RawHeaders): void {
  const { client } = exchange;
  if (status !== 103 || client.hint === undefined) return;
  const fields: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (PASSED_ON.includes(headers[at]!)) fields.push(headers[at]!, headers[at + 1]!);
  }
  if (fields.length > 0) client.hint(fields);
}
