// Single parameters of a target's query, found and taken out without touching the rest.

import type { Exchange } from '../../../core/exchange.ts';

/** Returns the decoded value of the first parameter `name`, or undefined; never throws. */
export function queryParameter(target: string, name: string): string | undefined {
  const mark = target.indexOf('?');
  if (mark < 0) return undefined;
  for (const pair of target.slice(mark + 1).split('&')) {
    const equals = pair.indexOf('=');
    if (decode(equals < 0 ? pair : pair.slice(0, equals)) !== name) continue;
    return equals < 0 ? '' : decode(pair.slice(equals + 1));
  }
  return undefined;
}

/** Returns the target without any parameter `name`. */
export function withoutQueryParameter(target: string, name: string): string {
  const mark = target.indexOf('?');
  if (mark < 0) return target;
  const pairs = target.slice(mark + 1).split('&');
  const kept = pairs.filter((pair) => decode(pair.split('=', 1)[0]!) !== name);
  if (kept.length === pairs.length) return target;
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join('&')}`;
}

/** Takes a credential out of what is logged. */
export function concealQueryParameter(exchange: Exchange, name: string): void {
  exchange.receivedTarget = withoutQueryParameter(exchange.receivedTarget, name);
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  return spaced.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
